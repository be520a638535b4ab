import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Dedupe } from '../../../src/backplane/log/dedupe.js'
import { fingerprint } from '../../../src/backplane/log/fingerprint.js'

const record = (userId: string, offset: number) => ({
  userId,
  fingerprint: offset,
  offset,
  id: `id-${offset}`,
  timestampMs: 0,
})

describe('dedupe', () => {
  it('[M7] dedupe knows a message by its user too', () => {
    const dedupe = new Dedupe({ count: 10, ms: 1_000 })
    dedupe.remember('c', record('ana', 1), 0)
    expect(dedupe.find('ana', 'c', 0)).toEqual(record('ana', 1))
    expect(dedupe.find('bob', 'c', 0)).toBeUndefined()
    expect(dedupe.find('ana', 'd', 0)).toBeUndefined()
  })

  it('[M7] dedupe cannot be made to take one user’s message for another’s by an id with blanks', () => {
    const dedupe = new Dedupe({ count: 10, ms: 1_000 })
    dedupe.remember('a', record('zoe', 1), 0)
    dedupe.remember('a', record('b c', 2), 0)
    dedupe.remember('a b', record('zoe', 3), 0)
    expect(dedupe.find('c', 'a b', 0)).toBeUndefined()
    expect(dedupe.find('b c', 'a', 0)).toEqual(record('b c', 2))
  })

  it('dedupe gives up what names dropped entries, generation by generation, and all of it after the last', () => {
    const dedupe = new Dedupe({ count: 1_000, ms: 1_000 })
    for (let n = 1; n <= 10; n++) dedupe.remember(`c${n}`, record('ana', n), 0)
    dedupe.forgetBefore(1)
    dedupe.remember('c11', record('ana', 11), 0)
    dedupe.forgetBefore(2)
    dedupe.remember('c12', record('ana', 12), 0)
    expect(dedupe.size).toBe(12)
    dedupe.forgetBefore(12)
    expect(dedupe.find('ana', 'c11', 0)).toBeUndefined()
    expect(dedupe.find('ana', 'c12', 0)).toEqual(record('ana', 12))
    dedupe.forgetBefore(13)
    expect([dedupe.size, dedupe.bytes]).toEqual([0, 0])
  })

  it('dedupe forgets everything in time', () => {
    const dedupe = new Dedupe({ count: 10, ms: 1_000 })
    for (let n = 0; n < 100; n++) dedupe.remember(`c${n}`, record('ana', n), n)
    expect(dedupe.size).toBeLessThanOrEqual(20)
    dedupe.expire(99 + 1_000)
    expect(dedupe.size).toBe(0)
    expect(dedupe.bytes).toBe(0)
  })

  it('dedupe uses its memory again for as many as it forgets, and has none once they are too old', () => {
    const dedupe = new Dedupe({ count: 1_000, ms: 600_000 })
    const bytes = new Set<number>()
    for (let n = 0; n < 10_000; n++) {
      dedupe.remember(`client-${n}`.padEnd(16), record('ana', n), n)
      if (n >= 4_000) bytes.add(dedupe.bytes)
    }
    expect([...bytes], 'bytes from the fourth thousand on').toHaveLength(1)
    dedupe.expire(700_000)
    expect(dedupe.bytes).toBe(0)
  })

  it('dedupe keeps no memory for what it was made to forget', () => {
    const dedupe = new Dedupe({ count: 1_000, ms: 600_000 })
    for (let n = 0; n < 4_000; n++) dedupe.remember(`client-${n}`, record('ana', n), 0)
    dedupe.expire(0)
    expect(dedupe.size).toBe(1_000)
    dedupe.forgetOlder()
    expect({ size: dedupe.size, bytes: dedupe.bytes }).toEqual({ size: 0, bytes: 0 })
  })

  it('[M7] whatever comes when, remembers at least the window, and nothing that was not', () => {
    const userId = fc.constantFrom('ana', 'bob', 'cyd')
    const arrival = fc.record({ afterMs: fc.nat(40), userId, clientId: fc.nat(10).map(String) })
    const property = fc.property(
      fc.array(arrival, { maxLength: 150 }),
      fc.integer({ min: 1, max: 10 }),
      (arrivals, count) => {
        const dedupe = new Dedupe({ count, ms: 100 })
        const accepted: { userId: string; clientId: string; at: number; offset: number }[] = []
        let now = 0
        for (const { afterMs, userId, clientId } of arrivals) {
          now += afterMs
          const found = dedupe.find(userId, clientId, now)
          const last = accepted.findLast((one) => one.userId === userId && one.clientId === clientId)
          const isRecent = last && now - last.at < 100 && accepted.indexOf(last) >= accepted.length - count
          if (isRecent) expect(found).toEqual(record(userId, last.offset))
          if (found) expect(found).toEqual(last && record(userId, last.offset))
          // What is neither found nor declared forgotten was never accepted.
          else if (last) expect(last.offset).toBeLessThanOrEqual(dedupe.forgotten)
          if (found) continue
          const offset = accepted.length + 1
          dedupe.remember(clientId, record(userId, offset), now)
          accepted.push({ userId, clientId, at: now, offset })
          expect(dedupe.size).toBeLessThanOrEqual(2 * count)
        }
      },
    )
    fc.assert(property, { numRuns: 500 })
  })
})

describe('a fingerprint', () => {
  it('[M8] a fingerprint tells texts apart', () => {
    const texts = ['', 'a', 'b', 'ab', 'ba', 'a\n{}', 'a\n', 'é', '𝒳', 'x'.repeat(1_000), 'x'.repeat(999)]
    expect(new Set(texts.map(fingerprint)).size).toBe(texts.length)
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        expect(fingerprint(a) === fingerprint(b)).toBe(a === b)
      }),
    )
  })
})
