import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { backOff } from '../../src/webhooks/back-off.js'

describe('the back-off of webhooks', () => {
  it('the back-off of webhooks doubles from a second up to its limit', () => {
    const waits = [1, 2, 3, 4, 5, 6].map((failures) => backOff(failures, 10_000, 1))
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000])
  })

  it('the back-off of webhooks is never less than half, nor more than its limit, however many requests failed', () => {
    const failures = fc.integer({ min: 1, max: 1_000_000 })
    const random = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(failures, fc.integer({ min: 1, max: 86_400_000 }), random, (failures, most, random) => {
        const whole = backOff(failures, most, 1)
        const wait = backOff(failures, most, random)
        expect(wait).toBeGreaterThanOrEqual(whole / 2)
        expect(wait).toBeLessThanOrEqual(Math.min(whole, most))
      }),
    )
  })
})
