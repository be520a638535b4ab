import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ExpiryQueue } from '../../src/util/expiry-queue.js'

describe('an expiry queue', () => {
  it('an expiry queue gives each key back once, when its time is over, unless it was touched or deleted', () => {
    const queue = new ExpiryQueue<string>(100)
    queue.touch('a', 0)
    queue.touch('b', 10)
    queue.touch('c', 20)
    queue.touch('a', 30)
    expect(queue.delete('b')).toBe(true)
    expect(queue.delete('b')).toBe(false)
    expect(queue.takeExpired(119)).toEqual([])
    expect(queue.takeExpired(120)).toEqual(['c'])
    expect(queue.has('a')).toBe(true)
    expect(queue.takeExpired(1_000)).toEqual(['a'])
    expect(queue.size).toBe(0)
  })

  it('an expiry queue behaves like a map of deadlines', () => {
    const step = fc.record({
      do: fc.constantFrom('touch', 'delete', 'take'),
      key: fc.nat(5),
      afterMs: fc.nat(60),
    })
    const property = fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const queue = new ExpiryQueue<number>(100)
      const deadlines = new Map<number, number>()
      let now = 0
      for (const { do: what, key, afterMs } of steps) {
        now += afterMs
        if (what === 'touch') {
          queue.touch(key, now)
          deadlines.set(key, now + 100)
        } else if (what === 'delete') expect(queue.delete(key)).toBe(deadlines.delete(key))
        else {
          const expired = [...deadlines].filter(([, deadline]) => deadline <= now).map(([key]) => key)
          for (const key of expired) deadlines.delete(key)
          expect(queue.takeExpired(now).sort()).toEqual(expired.sort())
        }
        expect(queue.size).toBe(deadlines.size)
      }
    })
    fc.assert(property, { numRuns: 300 })
  })
})
