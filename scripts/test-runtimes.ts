import { spawnSync } from 'node:child_process'
import { type Figure, writeResult } from '../test/support/results.js'

/*
 * `npm run test:runtimes` runs the built packages under Bun and Deno, and writes docs/results/runtimes.md. What fails there is
 * written down as well: it is what docs/runtimes.md says of them.
 */
const PROGRAM = 'test/runtimes/round-trip.mjs'
const RUNTIMES = {
  Bun: ['--yes', '--package', 'bun', 'bun'],
  Deno: ['--yes', '--package', 'deno', 'deno'],
}
const LIMIT_MS = 120_000

const checks: string[] = JSON.parse(run(process.execPath, [PROGRAM]).output)

function run(command: string, args: readonly string[]) {
  const env = { ...process.env, NO_COLOR: '1' }
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: LIMIT_MS, env })
  return { isPassed: status === 0, output: stdout, reason: reasonIn(stderr) }
}

function reasonIn(text: string): string {
  return /\b\w*Error: (.*)$/m.exec(text)?.[1] ?? 'it did not end in time'
}

const figures: Figure[] = []
for (const [name, npx] of Object.entries(RUNTIMES)) {
  const version = /\d+\.\d+\.\d+/.exec(run('npx', [...npx, '--version']).output)?.[0]
  const start = name === 'Deno' ? ['run', '-A'] : []
  for (const check of checks) {
    const { isPassed, reason } = run('npx', [...npx, ...start, PROGRAM, check])
    figures.push([`${name} ${version}, ${check}`, isPassed ? 'works' : `fails: ${reason}`])
  }
}
writeResult('runtimes', 'The built packages under Bun and Deno', 'npm run test:runtimes', figures)
