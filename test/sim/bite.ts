import { simulateCluster } from './cluster/cluster.js'
import { simulateDisk } from './disk/disk-world.js'
import { simulate } from './one-node.js'
import type { Run } from './world.js'

/** Runs seeds until one catches something, and prints it; run by scripts/sim-bites.mjs in a copy with a bug. */
const SEEDS = Number(process.argv[2])
const RUNS: Readonly<Record<string, (seed: number) => Promise<Run>>> = {
  cluster: simulateCluster,
  disk: simulateDisk,
}
const run = RUNS[process.argv[3] ?? ''] ?? simulate

async function firstViolation(): Promise<{ seed: number; violation: string } | undefined> {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const [violation] = (await run(seed)).violations
    if (violation !== undefined) return { seed, violation }
  }
  return undefined
}

// A bug may leave rejections behind; what it does to the guarantee is the question here.
process.on('unhandledRejection', () => {})
const caught = await firstViolation()
console.log(JSON.stringify(caught ?? null))
process.exit(0)
