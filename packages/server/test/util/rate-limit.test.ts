import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { newBudget, Session } from '../../src/engine/connection/session.js'
import { charge } from '../../src/engine/inbound/throttle.js'
import { ExcessCounter, MinuteCounter, paid, waitFor } from '../../src/util/rate-limit.js'

const rate = { perSecond: 10, burst: 5 }

describe('a budget', () => {
  it('[E12] a budget gives a burst at once, then one each tenth of a second', () => {
    let fullAt = 0
    for (let n = 0; n < 5; n++) {
      expect(waitFor(fullAt, rate, 0)).toBe(0)
      fullAt = paid(fullAt, rate, 0)
    }
    expect(waitFor(fullAt, rate, 0)).toBe(100)
    expect(waitFor(fullAt, rate, 60)).toBe(40)
    expect(waitFor(fullAt, rate, 100)).toBe(0)
  })

  it('a budget lets what costs more than the burst pass when it is full, and takes nothing by asking', () => {
    let fullAt = 0
    for (let n = 0; n < 3; n++) expect(waitFor(fullAt, rate, 0, 100)).toBe(0)
    fullAt = paid(fullAt, rate, 0, 100)
    expect(waitFor(fullAt, rate, 0, 1)).toBe(100)
    expect(waitFor(fullAt, rate, 0, 100)).toBe(500)
  })

  it('a budget without a rate gives always', () => {
    const unlimited = { perSecond: Number.POSITIVE_INFINITY, burst: Number.POSITIVE_INFINITY }
    let fullAt = 0
    for (let n = 0; n < 1_000; n++) {
      expect(waitFor(fullAt, unlimited, 0, 1_000_000)).toBe(0)
      fullAt = paid(fullAt, unlimited, 0, 1_000_000)
    }
  })

  it('[E16] whatever comes when, gives no more than its rate, and keeps its word about the wait', () => {
    const attempt = fc.record({ afterMs: fc.nat(400), cost: fc.integer({ min: 1, max: 5 }) })
    const property = fc.property(fc.array(attempt, { maxLength: 100 }), (attempts) => {
      let fullAt = 0
      const spent: { at: number; cost: number }[] = []
      let now = 0
      for (const { afterMs, cost } of attempts) {
        now += afterMs
        const wait = waitFor(fullAt, rate, now, cost)
        if (wait > 0) {
          expect(waitFor(fullAt, rate, now + wait, cost)).toBe(0)
          continue
        }
        fullAt = paid(fullAt, rate, now, cost)
        spent.push({ at: now, cost })
        for (const [index, { at }] of spent.entries()) {
          const since = spent.slice(index).reduce((sum, { cost }) => sum + cost, 0)
          expect(since).toBeLessThanOrEqual(rate.burst + ((now - at) / 1_000) * rate.perSecond + 0.011)
        }
      }
    })
    fc.assert(property, { numRuns: 300 })
  })
})

describe('strikes', () => {
  it('[E12] strikes count bursts, not messages, and are forgiven after a minute', () => {
    const strikes = new ExcessCounter()
    for (let n = 0; n < 100; n++) expect(strikes.add(n, 3)).toBe(false)
    expect(strikes.add(10_000, 3)).toBe(false)
    expect(strikes.add(20_000, 3)).toBe(true)
    const late = new ExcessCounter()
    for (let n = 0; n < 10; n++) expect(late.add(n * 30_000, 3)).toBe(false)
  })

  it('[E13] unparseable frames are counted within any minute, not within the clock’s', () => {
    const counter = new MinuteCounter()
    for (let n = 0; n < 9; n++) expect(counter.add(59_000, 10)).toBe(false)
    expect(counter.add(61_000, 10)).toBe(true)
    const slow = new MinuteCounter()
    for (let n = 0; n < 100; n++) expect(slow.add(n * 6_667, 10)).toBe(false)
    for (let n = 0; n < 100; n++) expect(slow.add(0, Number.POSITIVE_INFINITY)).toBe(false)
  })
})

describe('charging', () => {
  const rates = {
    messages: { perSecond: 1, burst: 2 },
    bytes: { perSecond: 100, burst: 100 },
    joins: { perSecond: 1, burst: 1 },
    history: { perSecond: 1, burst: 1 },
  }
  const chat = { type: 'chat_message', bytes: 10, roomId: 'a', since: undefined }
  const join = { ...chat, type: 'join' }

  it('[E12] a refused message pays into no bucket', () => {
    const session = new Session(rates, 0)
    expect(charge(session, { ...chat, bytes: 100 }, 0, 3)).toEqual({ ok: true })
    for (let n = 0; n < 5; n++) {
      const refused = charge(session, { ...chat, bytes: 100 }, 0, 3)
      expect(refused).toMatchObject({ ok: false, retryAfterMs: 1_000, isLast: false })
    }
    expect(charge(session, { ...chat, bytes: 100 }, 1_000, 3)).toEqual({ ok: true })
  })

  it('[E12] a user’s connections share a budget', () => {
    const user = newBudget()
    const [phone, laptop] = [new Session(rates, 0), new Session(rates, 0)]
    for (const session of [phone, laptop]) session.userBudget = user
    expect(charge(phone, chat, 0, 3).ok).toBe(true)
    expect(charge(laptop, chat, 0, 3).ok).toBe(true)
    expect(charge(phone, chat, 0, 3).ok).toBe(false)
  })

  it('[H4] a join that goes on with a paged one is free, one that repeats a page is not', () => {
    const session = new Session(rates, 0)
    expect(charge(session, { ...join, since: 0 }, 0, 3).ok).toBe(true)
    session.startPaging('a', 10)
    expect(charge(session, { ...join, since: 10 }, 0, 3).ok).toBe(true)
    expect(charge(session, { ...join, since: 0 }, 0, 3).ok).toBe(false)
    expect(charge(session, { ...join, roomId: 'b', since: 10 }, 0, 3).ok).toBe(false)
    session.endPaging('a')
    expect(charge(session, { ...join, since: 10 }, 0, 3).ok).toBe(false)
  })
})
