import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { writeResult } from '../support/results.js'
import { simulateCluster } from './cluster/cluster.js'
import { simulateDisk } from './disk/disk-world.js'
import { simulate } from './one-node.js'
import { addTo, describeRun, newTotals, type Totals } from './report.js'
import type { Run } from './world.js'

interface Simulation {
  readonly title: string
  readonly run: (seed: number) => Promise<Run & { readonly lost?: number; readonly handled?: number }>
  /** What took entries from logs, where something may. */
  readonly lost?: string
  /** What consumers handled, where there are any. */
  readonly handled?: string
  readonly seeds: number
}

/**
 * Thousands of seeds, in two processes; run by `npm run test:sim`, or for one kind by `npm run test:sim cluster`. Ended by SIGTERM, it
 * writes how far it came.
 */
const KINDS: Readonly<Record<'simulation' | 'cluster' | 'disk', Simulation>> = {
  simulation: {
    title: 'The deterministic simulation',
    run: simulate,
    seeds: Number(process.env.SIM_SEEDS ?? 10_000),
  },
  cluster: {
    title: 'The deterministic simulation of several nodes on a model of Redis',
    run: simulateCluster,
    lost: 'entries that failovers took, each told',
    seeds: Number(process.env.SIM_CLUSTER_SEEDS ?? 2_000),
  },
  disk: {
    title: 'The deterministic simulation of a server on a model of a disk',
    run: simulateDisk,
    lost: 'entries that old backups took, and power cuts from disks that were not to sync, each told',
    handled: 'changes that consumers handled, each after the one before it in its room',
    seeds: Number(process.env.SIM_DISK_SEEDS ?? 10_000),
  },
}
type Kind = keyof typeof KINDS

interface Shard extends Totals {
  /** Entries that a store had accepted and has no longer. */
  readonly lost: number
  readonly handled: number
}

const FIRST = Number(process.env.SIM_FIRST ?? 1)
const SHARDS = 2

const [, , kind, shard] = process.argv
if (shard !== undefined) process.send?.(await runShard(isKind(kind) ? kind : 'simulation', Number(shard)))
else
  for (const each of isKind(kind) ? [kind] : (['simulation', 'cluster', 'disk'] as const))
    await runShards(each)

function isKind(name: string | undefined): name is Kind {
  return name !== undefined && Object.hasOwn(KINDS, name)
}

async function runShards(kind: Kind): Promise<void> {
  const { title, lost, handled, seeds: wanted } = KINDS[kind]
  const startedAt = Date.now()
  const all = await Promise.all(Array.from({ length: SHARDS }, (_, index) => startShard(kind, index)))
  const sum = (figure: keyof Shard) => all.reduce((total, shard) => total + shard[figure], 0)
  writeResult(kind === 'simulation' ? kind : `simulation-${kind}`, title, 'npm run test:sim', [
    ['seeds', `${FIRST} to ${FIRST + wanted - 1}`],
    ['worlds simulated', sum('seeds')],
    ['faults', sum('faults')],
    ['messages, edits, deletions and reactions acknowledged', sum('acked')],
    ['of these, edits, deletions and reactions', sum('amended')],
    ['entries that applications saw', sum('seen')],
    ['breaks that were reported to applications, each checked to be one', sum('breaks')],
    ...(lost === undefined ? [] : [[lost, sum('lost')] as const]),
    ...(handled === undefined ? [] : [[handled, sum('handled')] as const]),
    ['minutes', (Date.now() - startedAt) / 60_000],
    ['violations', sum('violations')],
  ])
  if (sum('violations') !== 0 || sum('seeds') !== wanted) process.exitCode = 1
}

function startShard(kind: Kind, index: number): Promise<Shard> {
  const child = fork(fileURLToPath(import.meta.url), [kind, String(index)])
  process.once('SIGTERM', () => child.send('end'))
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
  let lost = 0
  let handled = 0
  let isOver = false
  const end = () => {
    isOver = true
  }
  process.on('message', end)
  for (let seed = FIRST + index; seed < FIRST + seeds && !isOver; seed += SHARDS) {
    const run = await simulateOne(seed)
    if (run.violations.length > 0) console.error(describeRun(run, kind))
    addTo(totals, run)
    lost += run.lost ?? 0
    handled += run.handled ?? 0
    if (totals.seeds % 100 === 0)
      console.error(`shard ${index}: ${totals.seeds} seeds, ${totals.violations} violations`)
  }
  process.off('message', end)
  return { ...totals, lost, handled }
}
