import { spawnSync } from 'node:child_process'
import { isBuiltin } from 'node:module'

// `npm start`: builds without a word, and becomes the command. It is one process, and the script says `exec`, so that a
// signal reaches the server: a shell between would die of it and leave the server running.

console.log('Building…')
const build = spawnSync('npm run build', { shell: true, encoding: 'utf8' })
if (build.status !== 0) {
  console.error(build.stdout + build.stderr)
  process.exit(1)
}
// Where Node cannot open a file of SQLite by itself. If this fails, the command says what it does without.
if (!isBuiltin('node:sqlite'))
  spawnSync(process.execPath, ['--import', 'tsx', 'scripts/better-sqlite3.ts'], {
    stdio: ['ignore', 'inherit', 'ignore'],
  })
await import('../packages/server/dist/cli.js')
