import { describe, expect, it } from 'vitest'
import { type Run, simulate } from './world.js'

const SEEDS = Number(process.env.SIM_SEEDS ?? 500)
const FIRST = Number(process.env.SIM_FIRST ?? 1)

describe('the deterministic simulation', () => {
  it(`[D1] holds the guarantee for ${SEEDS} seeds`, { timeout: 60_000 + SEEDS * 1_000 }, async () => {
    const failures: string[] = []
    const total = { faults: 0, acked: 0, seen: 0, breaks: 0 }
    for (let seed = FIRST; seed < FIRST + SEEDS && failures.length < 3; seed++) {
      const run = await simulate(seed)
      if (run.violations.length > 0) failures.push(report(run))
      for (const figure of ['faults', 'acked', 'seen', 'breaks'] as const) total[figure] += run[figure]
    }
    console.log(`${SEEDS} seeds: ${JSON.stringify(total)}`)
    expect(failures.join('\n\n')).toBe('')
    expect(total.acked, 'a simulation in which nothing is sent proves nothing').toBeGreaterThan(SEEDS * 50)
  })

  it('replays a seed to the byte', async () => {
    const first = await simulate(7)
    const second = await simulate(7)
    expect(second.digest).toBe(first.digest)
    expect(second.schedule).toEqual(first.schedule)
  })
})

function report({ seed, violations, schedule, digest }: Run): string {
  return [`seed ${seed} (${digest.slice(0, 12)}):`, ...violations.slice(0, 5), 'schedule:', ...schedule].join(
    '\n  ',
  )
}
