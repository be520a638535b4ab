import { describe, expect, it } from 'vitest'
import { simulate } from './one-node.js'
import { addTo, describeRun, newTotals } from './report.js'

const SEEDS = Number(process.env.SIM_SEEDS ?? 150)
const FIRST = Number(process.env.SIM_FIRST ?? 1)

describe('the deterministic simulation', () => {
  it(`[M10] [M11] [H3] [H13] [D2] [D8] [D10] the deterministic simulation holds the guarantee for ${SEEDS} seeds`, {
    timeout: 60_000 + SEEDS * 1_000,
  }, async () => {
    const failures: string[] = []
    const totals = newTotals()
    for (let seed = FIRST; seed < FIRST + SEEDS && failures.length < 3; seed++) {
      const run = await simulate(seed)
      if (run.violations.length > 0) failures.push(describeRun(run))
      addTo(totals, run)
    }
    console.log(JSON.stringify(totals))
    expect(failures.join('\n\n')).toBe('')
    expect(totals.acked, 'a simulation in which nothing is sent proves nothing').toBeGreaterThan(SEEDS * 50)
    expect(totals.amended).toBeGreaterThan(SEEDS * 10)
  })

  it('the deterministic simulation replays a seed to the byte', async () => {
    const first = await simulate(7)
    const second = await simulate(7)
    expect(second.digest).toBe(first.digest)
    expect(second.schedule).toEqual(first.schedule)
  })
})
