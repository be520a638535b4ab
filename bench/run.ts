import { mkdirSync, writeFileSync } from 'node:fs'
import { ensureBetterSqlite3 } from '../scripts/better-sqlite3.js'
import { reportDurable } from './durable-report.js'
import { describeMachine } from './machine.js'
import { HELP, type Options, readOptions } from './options.js'
import { drawPlots } from './plots.js'
import { compileLoad } from './processes.js'
import { report } from './report.js'
import { measureAll, measureStores } from './rounds.js'

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2))
  if (options === 'help') console.log(HELP)
  else await bench(options)
}

async function bench(options: Options): Promise<void> {
  const program = compileLoad()
  if (options.sections.includes('durable')) await benchDurable(program, options)
  if (options.sections.some((section) => section !== 'durable')) await benchServers(program, options)
}

async function benchDurable(program: string, options: Options): Promise<void> {
  ensureBetterSqlite3()
  const results = await measureStores(program, options)
  const text = reportDurable(results, describeMachine(new Date(), 'server and store: on any core'))
  console.log(`\n${text}`)
  if (!options.isQuick) writeFileSync(new URL('durable.md', import.meta.url), text)
}

async function benchServers(program: string, options: Options): Promise<void> {
  const startedAt = performance.now()
  const results = await measureAll(program, options)
  const minutes = (performance.now() - startedAt) / 60_000
  const machine = [...describeMachine(new Date()), `- took ${minutes.toFixed(1)} minutes`]
  const text = report(results, options, machine)
  console.log(`\n${text}`)
  if (!options.isComplete) return
  writeFileSync(new URL('results.md', import.meta.url), text)
  const folder = new URL('plots/', import.meta.url)
  mkdirSync(folder, { recursive: true })
  for (const [name, svg] of Object.entries(drawPlots(results))) {
    writeFileSync(new URL(`${name}.svg`, folder), svg)
  }
}

main().catch((error: unknown) => {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`)
  process.exit(1)
})
