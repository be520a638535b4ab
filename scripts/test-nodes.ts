import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Figure, writeResult } from '../test/support/results.js'

/*
 * Runs the tests that stand on Node's own parts (sockets, modules, packages, node:sqlite) under other versions of Node than the one that
 * is installed. `npm run test:nodes` runs them all and writes docs/results/nodes.md; `npm run test:nodes -- latest` one.
 */
const ALL = ['22', '24', 'latest']
const TESTS = [
  'test/wire',
  'test/regression',
  'test/packaging/packed.test.ts',
  'test/durable',
  'packages/server/test/backplane/sqlite',
]

interface Outcome {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly success: boolean
}

const asked = process.argv.slice(2)
const figures: Figure[] = []
for (const version of asked.length > 0 ? asked : ALL) {
  const name = `Node ${nodeOf(version)}`
  const { numPassedTests, numFailedTests, success } = runTests(version)
  figures.push([name, `${numPassedTests} passed, ${numFailedTests} failed`])
  if (!success) process.exitCode = 1
}
const what = 'Wire, regression, packaging and store tests under other versions of Node'
if (asked.length === 0) writeResult('nodes', what, 'npm run test:nodes', figures)
else for (const figure of figures) console.log(figure.join(': '))

function nodeOf(version: string): string {
  return execFileSync('npx', underNode(version, ['-p', 'process.versions.node']), { encoding: 'utf8' }).trim()
}

function runTests(version: string): Outcome {
  const folder = mkdtempSync(join(tmpdir(), 'roomful-nodes-'))
  const file = join(folder, 'outcome.json')
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
    const vitest = ['node_modules/vitest/vitest.mjs', 'run', ...reporters, ...TESTS]
    const { error } = spawnSync('npx', underNode(version, vitest), { stdio: 'inherit' })
    if (error) throw error
    return JSON.parse(readFileSync(file, 'utf8')) as Outcome
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function underNode(version: string, args: readonly string[]): string[] {
  return ['--yes', '--package', `node@${version}`, 'node', ...args]
}
