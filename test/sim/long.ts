import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { writeResult } from '../support/results.js'
import { simulate } from './one-node.js'
import { addTo, describeRun, newTotals, type Totals } from './report.js'

/** Thousands of seeds, in two processes; run by `npm run test:sim`. */
const SEEDS = Number(process.env.SIM_SEEDS ?? 10_000)
const FIRST = Number(process.env.SIM_FIRST ?? 1)
const SHARDS = 2

const shard = process.argv[2]
if (shard === undefined) await runShards()
else process.send?.(await runShard(Number(shard)))

async function runShards(): Promise<void> {
  const startedAt = Date.now()
  const all = await Promise.all(Array.from({ length: SHARDS }, (_, index) => startShard(index)))
  const figures = Object.keys(newTotals()) as (keyof Totals)[]
  const sum = (figure: keyof Totals) => all.reduce((total, totals) => total + totals[figure], 0)
  const [seeds, faults, acked, seen, breaks, violations] = figures.map(sum)
  writeResult('simulation', 'The deterministic simulation', 'npm run test:sim', [
    ['seeds', `${FIRST} to ${FIRST + SEEDS - 1}`],
    ['worlds simulated', seeds ?? 0],
    ['faults', faults ?? 0],
    ['messages acknowledged', acked ?? 0],
    ['entries that applications saw', seen ?? 0],
    ['breaks that applications were told of, each checked to be one', breaks ?? 0],
    ['minutes', (Date.now() - startedAt) / 60_000],
    ['violations', violations ?? 0],
  ])
  if (violations !== 0 || seeds !== SEEDS) process.exitCode = 1
}

function startShard(index: number): Promise<Totals> {
  const child = fork(fileURLToPath(import.meta.url), [String(index)])
  return new Promise((resolve, reject) => {
    let totals: Totals | undefined
    child.on('message', (message: Totals) => {
      totals = message
    })
    child.on('exit', (code) => {
      if (totals) resolve(totals)
      else reject(new Error(`Shard ${index} ended with ${code} before it was done`))
    })
  })
}

async function runShard(index: number): Promise<Totals> {
  const totals = newTotals()
  for (let seed = FIRST + index; seed < FIRST + SEEDS; seed += SHARDS) {
    const run = await simulate(seed)
    if (run.violations.length > 0) console.error(describeRun(run))
    addTo(totals, run)
    if (totals.seeds % 500 === 0)
      console.error(`shard ${index}: ${totals.seeds} seeds, ${totals.violations} violations`)
  }
  return totals
}
