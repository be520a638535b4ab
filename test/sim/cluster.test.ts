import { describe, expect, it } from 'vitest'
import { simulateCluster } from './cluster/cluster.js'
import { clusterTraitsOf } from './cluster/traits.js'
import { addTo, describeRun, newTotals } from './report.js'

const SEEDS = Number(process.env.SIM_CLUSTER_SEEDS ?? 80)
const FIRST = Number(process.env.SIM_FIRST ?? 1)

describe('the deterministic simulation of several nodes on a model of Redis', () => {
  it(`[M10] [M11] [H3] [H6] [H12] [H13] [D2] [D8] [D10] the deterministic simulation of several nodes on a model of Redis holds the guarantee, or tells, for ${SEEDS} seeds`, {
    timeout: 60_000 + SEEDS * 2_000,
  }, async () => {
    const failures: string[] = []
    const totals = newTotals()
    let lost = 0
    for (let seed = FIRST; seed < FIRST + SEEDS && failures.length < 3; seed++) {
      const run = await simulateCluster(seed)
      if (run.violations.length > 0) failures.push(describeRun(run, 'cluster'))
      addTo(totals, run)
      lost += run.lost
    }
    console.log(JSON.stringify({ ...totals, lost }))
    expect(failures.join('\n\n')).toBe('')
    expect(totals.acked, 'a simulation in which nothing is sent proves nothing').toBeGreaterThan(SEEDS * 50)
    expect(totals.amended).toBeGreaterThan(SEEDS * 10)
  })

  it('[M11] the deterministic simulation of several nodes on a model of Redis loses nothing that was acknowledged as replicated, and forks where it was not', async () => {
    const lossOf = async (durability: 'primary' | 'replicated') => {
      const violations: string[] = []
      let acknowledgedAndLost = 0
      for (let seed = 1; seed <= 6; seed++) {
        const { people, settings } = clusterTraitsOf(seed)
        const cluster = new Set(['failovers'] as const)
        const run = await simulateCluster(seed, { people, cluster, settings: { ...settings, durability } })
        violations.push(...run.violations)
        acknowledgedAndLost += run.acknowledgedAndLost
      }
      return { violations, acknowledgedAndLost }
    }
    expect((await lossOf('replicated')).violations).toEqual([])
    const primary = await lossOf('primary')
    expect(primary.violations).toEqual([])
    expect(
      primary.acknowledgedAndLost,
      'a simulation without a fork proves nothing of forks',
    ).toBeGreaterThan(0)
  })

  it('the deterministic simulation of several nodes on a model of Redis replays a seed to the byte', async () => {
    const first = await simulateCluster(7)
    const second = await simulateCluster(7)
    expect(second.digest).toBe(first.digest)
    expect(second.schedule).toEqual(first.schedule)
  })
})
