// Shows that the simulation bites: applies one bug at a time to a copy of the sources, until a seed catches it.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'

const SEEDS = process.env.SIM_SEEDS ?? '500'
const BUGS = 'test/sim/bugs'
const COPIED = ['packages', 'test', 'tsconfig.json', 'tsconfig.base.json', 'package.json']
const only = process.argv[2] ?? ''

let missed = 0
for (const file of readdirSync(BUGS).filter((name) => name.includes(only))) {
  const caught = tryBug(join(BUGS, file))
  if (!caught) missed++
  const what = caught ? `${caught.seed} | ${withoutIds(caught.violation)}` : 'not caught |'
  console.log(`| ${basename(file, '.patch')} | ${what} |`)
}
process.exitCode = missed > 0 ? 1 : 0

function tryBug(patch) {
  const copy = mkdtempSync(join(tmpdir(), 'roomful-bug-'))
  try {
    for (const path of COPIED) cpSync(path, join(copy, path), { recursive: true, filter: isSource })
    symlinkSync(join(process.cwd(), 'node_modules'), join(copy, 'node_modules'))
    // Not `git apply`: it skips every file outside a repository's own folder without a word.
    execFileSync('patch', ['-p1', '--no-backup-if-mismatch', '-s'], { cwd: copy, input: readFileSync(patch) })
    // A bug of the nodes among themselves, or of the store on disk, says so in its name.
    const which = ['cluster', 'disk'].find((kind) => basename(patch).startsWith(`${kind}-`)) ?? 'one-node'
    const args = ['tsx', 'test/sim/bite.ts', SEEDS, which]
    const output = execFileSync('npx', args, { cwd: copy, encoding: 'utf8' })
    return JSON.parse(output.trim().split('\n').at(-1))
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

function isSource(path) {
  return !/(^|\/)(node_modules|dist)(\/|$)/.test(path)
}

/** Random ids would say nothing to a reader. */
function withoutIds(text) {
  return text.replaceAll(/\b[a-z0-9]{20,}\b/g, '…').replaceAll('|', '/')
}
