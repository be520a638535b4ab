import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { fileURLToPath } from 'node:url'
import { isBuilt } from './is-built.mjs'

// `npm start`: builds what is not built yet without a word, and becomes the command, which serves in a second process,
// so that its page may kill that. The script says `exec`, so that a signal reaches it: a shell between would die of it
// and leave the server running.

if (!isBuilt(fileURLToPath(new URL('..', import.meta.url)))) {
  console.log('Building…')
  const build = spawnSync('npm run build', { shell: true, encoding: 'utf8' })
  if (build.status !== 0) {
    console.error(build.stdout + build.stderr)
    process.exit(1)
  }
}
// Where Node cannot open a file of SQLite by itself. If this fails, the command says what it does without.
if (!isBuiltin('node:sqlite') && !existsSync('node_modules/better-sqlite3/build/Release/better_sqlite3.node'))
  spawnSync(process.execPath, ['--import', 'tsx', 'scripts/better-sqlite3.ts'], {
    stdio: ['ignore', 'inherit', 'ignore'],
  })
process.argv.push('--supervise')
await import('../packages/server/dist/cli.js')
