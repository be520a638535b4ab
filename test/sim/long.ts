import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { writeResult } from '../support/results.js'
import { simulateCluster } from './cluster/cluster.js'
import { simulate } from './one-node.js'
import { addTo, describeRun, newTotals, type Totals } from './report.js'

/** Thousands of seeds, in two processes; run by `npm run test:sim`, or for one kind by `npm run test:sim cluster`. */
const KINDS = {
  simulation: {
    title: 'The deterministic simulation',
    run: simulate,
    seeds: Number(process.env.SIM_SEEDS ?? 10_000),
  },
  cluster: {
    title: 'The deterministic simulation of several nodes on a model of Redis',
    run: async (seed: number) => {
      const run = await simulateCluster(seed)
      lost += run.lost
      return run
    },
    seeds: Number(process.env.SIM_CLUSTER_SEEDS ?? 2_000),
  },
}
type Kind = keyof typeof KINDS

interface Shard extends Totals {
  /** Entries that failovers took. */
  readonly lost: number
}

const FIRST = Number(process.env.SIM_FIRST ?? 1)
const SHARDS = 2
let lost = 0

const [, , kind, shard] = process.argv
if (shard !== undefined) process.send?.(await runShard(isKind(kind) ? kind : 'simulation', Number(shard)))
else for (const each of isKind(kind) ? [kind] : (['simulation', 'cluster'] as const)) await runShards(each)

function isKind(name: string | undefined): name is Kind {
  return name !== undefined && Object.hasOwn(KINDS, name)
}

async function runShards(kind: Kind): Promise<void> {
  const { title, seeds: wanted } = KINDS[kind]
  const startedAt = Date.now()
  const all = await Promise.all(Array.from({ length: SHARDS }, (_, index) => startShard(kind, index)))
  const sum = (figure: keyof Shard) => all.reduce((total, shard) => total + shard[figure], 0)
  writeResult(kind === 'cluster' ? 'simulation-cluster' : kind, title, 'npm run test:sim', [
    ['seeds', `${FIRST} to ${FIRST + wanted - 1}`],
    ['worlds simulated', sum('seeds')],
    ['faults', sum('faults')],
    ['messages acknowledged', sum('acked')],
    ['entries that applications saw', sum('seen')],
    ['breaks that were reported to applications, each checked to be one', sum('breaks')],
    ...(kind === 'cluster' ? [['entries that failovers took, each told', sum('lost')] as const] : []),
    ['minutes', (Date.now() - startedAt) / 60_000],
    ['violations', sum('violations')],
  ])
  if (sum('violations') !== 0 || sum('seeds') !== wanted) process.exitCode = 1
}

function startShard(kind: Kind, index: number): Promise<Shard> {
  const child = fork(fileURLToPath(import.meta.url), [kind, String(index)])
  return new Promise((resolve, reject) => {
    let totals: Shard | undefined
    child.on('message', (message: Shard) => {
      totals = message
    })
    child.on('exit', (code) => {
      if (totals) resolve(totals)
      else reject(new Error(`Shard ${index} ended with ${code} before it was done`))
    })
  })
}

async function runShard(kind: Kind, index: number): Promise<Shard> {
  const { run: simulateOne, seeds } = KINDS[kind]
  const totals = newTotals()
  for (let seed = FIRST + index; seed < FIRST + seeds; seed += SHARDS) {
    const run = await simulateOne(seed)
    if (run.violations.length > 0) console.error(describeRun(run, kind))
    addTo(totals, run)
    if (totals.seeds % 500 === 0)
      console.error(`shard ${index}: ${totals.seeds} seeds, ${totals.violations} violations`)
  }
  return { ...totals, lost }
}
