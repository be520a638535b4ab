import { simulateCluster } from './cluster/cluster.js'
import { simulate } from './one-node.js'

/** Runs seeds until one catches something, and prints it; run by scripts/sim-bites.mjs in a copy with a bug. */
const SEEDS = Number(process.argv[2])
const run = process.argv[3] === 'cluster' ? simulateCluster : simulate

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
