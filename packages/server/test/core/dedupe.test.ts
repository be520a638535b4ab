import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Dedupe, dedupeKey } from '../../src/core/dedupe.js'
import { fingerprint } from '../../src/core/fingerprint.js'

const record = (offset: number) => ({
  fingerprint: `f${offset}`,
  position: { epoch: 'e', offset, id: `id-${offset}` },
  wall: 0,
})

describe('dedupe', () => {
  it('[M7] knows a message by its user too', () => {
    const dedupe = new Dedupe({ count: 10, ms: 1_000 })
    dedupe.remember(dedupeKey('ana', 'c'), record(1), 0)
    expect(dedupe.find(dedupeKey('ana', 'c'), 0)).toEqual(record(1))
    expect(dedupe.find(dedupeKey('bob', 'c'), 0)).toBeUndefined()
    expect(dedupe.find(dedupeKey('ana', 'd'), 0)).toBeUndefined()
  })

  it('[M7] cannot be made to take one user’s message for another’s by an id with blanks', () => {
    const dedupe = new Dedupe({ count: 10, ms: 1_000 })
    dedupe.remember(dedupeKey('b c', 'a'), record(1), 0)
    expect(dedupe.find(dedupeKey('c', 'a b'), 0)).toBeUndefined()
  })

  it('forgets everything in time', () => {
    const dedupe = new Dedupe({ count: 10, ms: 1_000 })
    for (let n = 0; n < 100; n++) dedupe.remember(dedupeKey('ana', `c${n}`), record(n), n)
    expect(dedupe.size).toBeLessThanOrEqual(20)
    dedupe.expire(99 + 1_000)
    expect(dedupe.size).toBe(0)
    expect(dedupe.bytes).toBe(0)
  })

  it('[M7] whatever comes when, remembers at least the window, and nothing that was not', () => {
    const arrival = fc.record({ afterMs: fc.nat(40), id: fc.nat(30) })
    const property = fc.property(
      fc.array(arrival, { maxLength: 150 }),
      fc.integer({ min: 1, max: 10 }),
      (arrivals, count) => {
        const dedupe = new Dedupe({ count, ms: 100 })
        const accepted: { id: number; at: number; offset: number }[] = []
        let now = 0
        for (const { afterMs, id } of arrivals) {
          now += afterMs
          const found = dedupe.find(dedupeKey('ana', `${id}`), now)
          const last = accepted.findLast((one) => one.id === id)
          const isRecent = last && now - last.at < 100 && accepted.indexOf(last) >= accepted.length - count
          if (isRecent) expect(found).toEqual(record(last.offset))
          if (found) expect(found).toEqual(last && record(last.offset))
          // What is neither found nor declared forgotten was never accepted.
          else if (last) expect(last.offset).toBeLessThanOrEqual(dedupe.forgotten)
          if (found) continue
          const offset = accepted.length + 1
          dedupe.remember(dedupeKey('ana', `${id}`), record(offset), now)
          accepted.push({ id, at: now, offset })
          expect(dedupe.size).toBeLessThanOrEqual(2 * count)
        }
      },
    )
    fc.assert(property, { numRuns: 500 })
  })
})

describe('a fingerprint', () => {
  it('[M8] tells texts apart', () => {
    const texts = ['', 'a', 'b', 'ab', 'ba', 'a\n{}', 'a\n', 'é', '𝒳', 'x'.repeat(1_000), 'x'.repeat(999)]
    expect(new Set(texts.map(fingerprint)).size).toBe(texts.length)
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        expect(fingerprint(a) === fingerprint(b)).toBe(a === b)
      }),
    )
  })
})
