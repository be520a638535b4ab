import { RoomfulError } from '@roomful/protocol/wire'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { OutboxEntry } from '../src/options/stored-outbox.js'
import { Outbox, type Placed, type Settled } from '../src/outbox/outbox.js'

const LIMITS = { maxMessages: 500, maxBytes: 2 ** 20, window: 32 }

function entry(clientId: string, rest: Partial<OutboxEntry> = {}): OutboxEntry {
  return {
    clientId,
    roomId: 'r',
    message: clientId,
    data: undefined,
    userId: 'me',
    doubtSince: undefined,
    ...rest,
  }
}

function outboxOf(...clientIds: string[]): Outbox {
  const outbox = new Outbox(LIMITS)
  for (const clientId of clientIds) outbox.add(entry(clientId))
  return outbox
}

/** Transmits all that may go, and returns each with its `after`. */
function transmitAll(outbox: Outbox, now = 0): [string, string | undefined][] {
  const sent: [string, string | undefined][] = []
  for (let next = outbox.next(now, () => true); next; next = outbox.next(now, () => true)) {
    sent.push([next.clientId, outbox.predecessor(next.roomId)])
    outbox.transmitted(next.clientId, now)
  }
  return sent
}

const placed = (offset: number): Placed => ({ id: `id-${offset}`, epoch: 'e', offset, durability: 'memory' })

describe('the outbox', () => {
  it('[M9] the outbox chains what it pipelines: after is absent on the first, then names the one before', () => {
    const outbox = outboxOf('a', 'b', 'c')
    expect(transmitAll(outbox)).toEqual([
      ['a', undefined],
      ['b', 'a'],
      ['c', 'b'],
    ])
    outbox.accepted('a', placed(1))
    outbox.add(entry('d'))
    expect(transmitAll(outbox)).toEqual([['d', 'c']])
  })

  it('[M9] rooms do not wait for each other', () => {
    const outbox = outboxOf('a')
    outbox.add(entry('x', { roomId: 'other' }))
    expect(transmitAll(outbox)).toEqual([
      ['a', undefined],
      ['x', undefined],
    ])
    outbox.refused('a', new RoomfulError('internal', { retryAfterMs: 100 }), 0)
    outbox.accepted('x', placed(1))
    outbox.add(entry('y', { roomId: 'other' }))
    expect(transmitAll(outbox)).toEqual([['y', 'x']])
  })

  it('[S4] those in flight behind a message that is muted are refused with it, but not the next ones', () => {
    const outbox = outboxOf('a', 'b', 'c')
    transmitAll(outbox)
    const muted = new RoomfulError('muted', { retryAfterMs: 60_000 })
    expect(outbox.refused('a', muted, 0)?.outcome).toBe(muted)
    for (const id of ['b', 'c'])
      expect(outbox.refused(id, new RoomfulError('out_of_order'), 0)?.outcome).toBe(muted)
    outbox.add(entry('d'))
    outbox.add(entry('e'))
    expect(transmitAll(outbox)).toEqual([
      ['d', undefined],
      ['e', 'd'],
    ])
    outbox.refused('d', new RoomfulError('internal'), 0)
    expect(outbox.refused('e', new RoomfulError('out_of_order'), 0)).toBeUndefined()
  })

  it('[M9] after a refusal the outbox waits for all answers, then sends again in order', () => {
    const outbox = outboxOf('a', 'b', 'c')
    transmitAll(outbox)
    outbox.refused('a', new RoomfulError('rate_limited', { retryAfterMs: 100 }), 0)
    expect(transmitAll(outbox, 100)).toEqual([])
    outbox.refused('b', new RoomfulError('out_of_order'), 0)
    outbox.refused('c', new RoomfulError('out_of_order'), 0)
    expect(transmitAll(outbox, 99)).toEqual([])
    expect(outbox.nextTime(99)).toBe(100)
    expect(transmitAll(outbox, 100)).toEqual([
      ['a', undefined],
      ['b', 'a'],
      ['c', 'b'],
    ])
  })

  it('[M9] what is refused for good is settled, and those behind it go on without it', () => {
    const outbox = outboxOf('a', 'b', 'c')
    transmitAll(outbox)
    outbox.accepted('a', placed(1))
    const settled = outbox.refused('b', new RoomfulError('invalid_message'), 0)
    expect(settled).toMatchObject({ entry: { clientId: 'b' }, outcome: { code: 'invalid_message' } })
    outbox.refused('c', new RoomfulError('out_of_order'), 0)
    expect(transmitAll(outbox)).toEqual([['c', undefined]])
  })

  it('[M9] messages that are refused for good one after the other do not slow each other down', () => {
    const ids = Array.from({ length: 20 }, (_, i) => `m${i}`)
    const outbox = outboxOf(...ids)
    for (const [index, id] of ids.entries()) {
      expect(transmitAll(outbox, index).map(([sent]) => sent)).toEqual(ids.slice(index))
      outbox.refused(id, new RoomfulError('outcome_unknown'), index)
      for (const later of ids.slice(index + 1)) outbox.refused(later, new RoomfulError('out_of_order'), index)
    }
  })

  it('a poison message that the server keeps failing on is given up', () => {
    const outbox = outboxOf('poison', 'good')
    let settled: Settled | undefined
    for (let now = 0; now < 1e6 && !settled; now += 1e5) {
      transmitAll(outbox, now)
      settled = outbox.refused('poison', new RoomfulError('internal'), now)
      outbox.refused('good', new RoomfulError('out_of_order'), now)
    }
    expect(settled).toMatchObject({ entry: { clientId: 'poison' }, outcome: { code: 'internal' } })
    expect(transmitAll(outbox, 2e6)).toEqual([['good', undefined]])
  })

  it('[M12] the outbox sends again after a reconnect with the same ids and a new chain', () => {
    const outbox = outboxOf('a', 'b')
    transmitAll(outbox)
    outbox.disconnected()
    expect(transmitAll(outbox, 10)).toEqual([
      ['a', undefined],
      ['b', 'a'],
    ])
  })

  it('[M12] what was in doubt for longer than the server remembers is not sent again', () => {
    const outbox = outboxOf('a', 'b')
    transmitAll(outbox)
    outbox.disconnected()
    outbox.add(entry('c'))
    expect(outbox.expire(1_000, 1_000)).toEqual([])
    expect(outbox.expire(1_001, 1_000)).toMatchObject([
      { entry: { clientId: 'a' }, outcome: { code: 'outcome_unknown' } },
      { entry: { clientId: 'b' }, outcome: { code: 'outcome_unknown' } },
    ])
    expect(transmitAll(outbox, 1_001)).toEqual([['c', undefined]])
  })

  it('an echo before the window ended tells the outcome after it', () => {
    const outbox = outboxOf('a')
    transmitAll(outbox)
    outbox.echoed('a', placed(3), false)
    outbox.disconnected()
    expect(outbox.expire(9_999, 1)).toMatchObject([{ outcome: { offset: 3 } }])
  })

  it.each([
    ['shorter', { epoch: 'e', offset: 2 }, { code: 'outcome_unknown' }],
    ['another one', { epoch: 'other', offset: 9 }, { code: 'outcome_unknown' }],
    ['longer', { epoch: 'e', offset: 4 }, { offset: 3 }],
  ])(
    'an echo tells the outcome after the window only if the log still has its place: it is %s',
    (_, head, outcome) => {
      const outbox = outboxOf('a')
      transmitAll(outbox)
      outbox.echoed('a', placed(3), false)
      outbox.broke('r', head)
      outbox.disconnected()
      expect(outbox.expire(9_999, 1)).toMatchObject([{ outcome }])
    },
  )

  it('a certain refusal ends the doubt: the message can be cancelled again', () => {
    const outbox = outboxOf('a')
    transmitAll(outbox)
    expect(outbox.cancel('a')).toBeUndefined()
    outbox.refused('a', new RoomfulError('rate_limited', { retryAfterMs: 5 }), 0)
    expect(outbox.cancel('a')).toMatchObject({ outcome: { code: 'cancelled' } })
  })

  it('a refusal on a later connection does not end the doubt about an earlier one', () => {
    const outbox = outboxOf('a')
    transmitAll(outbox)
    outbox.disconnected()
    transmitAll(outbox, 10)
    outbox.refused('a', new RoomfulError('rate_limited', { retryAfterMs: 5 }), 10)
    expect(outbox.cancel('a')).toBeUndefined()
    expect(outbox.expire(1_001, 1_000)).toMatchObject([{ outcome: { code: 'outcome_unknown' } }])
  })

  it('the outbox is bounded in messages and in bytes, and says so', () => {
    const outbox = new Outbox({ ...LIMITS, maxMessages: 2, maxBytes: 100 })
    outbox.add(entry('a'))
    expect(() => outbox.add(entry('b', { message: 'x'.repeat(60) }))).toThrow(
      expect.objectContaining({ code: 'outbox_full' }),
    )
    outbox.add(entry('b'))
    expect(() => outbox.add(entry('c'))).toThrow(
      expect.objectContaining({ code: 'outbox_full', temporary: true }),
    )
    outbox.cancel('a')
    outbox.add(entry('c'))
  })

  it('the outbox keeps at most a window in flight', () => {
    const outbox = new Outbox({ ...LIMITS, window: 2 })
    for (const id of ['a', 'b', 'c']) outbox.add(entry(id))
    expect(transmitAll(outbox)).toHaveLength(2)
    outbox.accepted('a', placed(1))
    expect(transmitAll(outbox)).toEqual([['c', 'b']])
  })

  it('[M9] the outbox starts a new chain when both sides disagree on what was last', () => {
    const outbox = outboxOf('a')
    transmitAll(outbox)
    outbox.accepted('a', placed(1))
    outbox.add(entry('b'))
    expect(transmitAll(outbox)).toEqual([['b', 'a']])
    outbox.refused('b', new RoomfulError('out_of_order'), 0)
    expect(transmitAll(outbox)).toEqual([['b', undefined]])
  })

  it('[M7] [M9] [M11] against any server: each message once, in order, however often it is refused or cut off', () => {
    const fault = fc.constantFrom(
      'accept',
      'accept',
      'accept',
      'rate_limited',
      'internal',
      'forbidden',
      'cut',
      'cut_after',
    )
    fc.assert(
      fc.property(fc.array(fault, { maxLength: 120 }), fc.integer({ min: 1, max: 12 }), (faults, count) => {
        const ids = Array.from({ length: count }, (_, index) => `m${index}`)
        const outbox = outboxOf(...ids)
        const server = new ModelServer()
        const outcomes = new Map<string, string>()
        const settle = (settled: Settled | undefined) => {
          if (!settled) return
          expect(outcomes.has(settled.entry.clientId)).toBe(false)
          outcomes.set(
            settled.entry.clientId,
            settled.outcome instanceof RoomfulError ? settled.outcome.code : 'sent',
          )
        }
        let now = 0
        for (let round = 0; round < 200 && outbox.entries.length > 0; round++) {
          now += 60_000
          const flights = transmitAll(outbox, now)
          for (const [clientId, after] of flights) {
            const next = faults.shift() ?? 'accept'
            if (next === 'cut' || next === 'cut_after') {
              if (next === 'cut_after') server.receive(clientId, after)
              server.reconnect()
              outbox.disconnected()
              break
            }
            const refusal =
              next === 'accept' ? server.receive(clientId, after) : server.refuse(clientId, after, next)
            if (refusal) settle(outbox.refused(clientId, new RoomfulError(refusal), now))
            else settle(outbox.accepted(clientId, placed(1)))
          }
        }
        expect([...outcomes.keys()].sort()).toEqual([...ids].sort())
        expect(server.log).toEqual(ids.filter((id) => server.log.includes(id)))
        for (const [id, outcome] of outcomes) if (outcome === 'sent') expect(server.log).toContain(id)
      }),
      { numRuns: 3_000 },
    )
  })

  describe('amendments in the outbox', () => {
    const target = { offset: 1, id: 'x' }
    const amendment = (clientId: string, amends = 'x', rest: Partial<OutboxEntry> = {}) =>
      entry(clientId, { amends, fields: { type: 'edit_message', target }, ...rest })

    it('[D2] amendments in the outbox are no part of the chain of messages, also when an echo settles them before the ack', () => {
      const outbox = outboxOf('m1')
      outbox.add(amendment('a1'))
      outbox.add(entry('m2'))
      expect(transmitAll(outbox).map(([id]) => id)).toEqual(['m1', 'm2', 'a1'])
      outbox.echoed('a1', placed(2), true)
      outbox.accepted('m1', placed(1))
      outbox.accepted('m2', placed(3))
      outbox.accepted('a1', placed(2))
      outbox.add(entry('m3'))
      expect(transmitAll(outbox)).toEqual([['m3', 'm2']])
    })

    it('amendments in the outbox wait for the position of their message, whatever becomes of others', () => {
      const outbox = outboxOf('m1', 'm2')
      const waiting = amendment('a1', 'm1', { fields: { type: 'edit_message' } })
      outbox.add(waiting)
      expect(transmitAll(outbox).map(([id]) => id)).toEqual(['m1', 'm2'])
      outbox.accepted('m2', placed(1))
      expect(transmitAll(outbox)).toEqual([])
      outbox.accepted('m1', placed(2))
      outbox.add({ ...waiting, amends: 'id-2', fields: { type: 'edit_message', target } })
      expect(transmitAll(outbox).map(([id]) => id)).toEqual(['a1'])
    })

    it('amendments in the outbox count towards its limits, and what replaces another does not count twice', () => {
      const outbox = new Outbox({ ...LIMITS, maxMessages: 2, maxBytes: 100 })
      outbox.add(amendment('a', 'x', { message: 'x'.repeat(40) }))
      outbox.add(amendment('b', 'y', { message: '' }))
      expect(() => outbox.add(amendment('c', 'z'))).toThrow(expect.objectContaining({ code: 'outbox_full' }))
      outbox.add(amendment('a', 'x', { message: 'y'.repeat(50) }))
      expect(() => outbox.add(amendment('a', 'x', { message: 'y'.repeat(51) }))).toThrow(
        expect.objectContaining({ code: 'outbox_full' }),
      )
      outbox.cancel('a')
      outbox.add(amendment('d', 'x', { message: 'z'.repeat(50) }))
      expect(outbox.entries.map(({ clientId }) => clientId)).toEqual(['b', 'd'])
    })

    it('amendments in the outbox let messages go first, and after a refused rate those of other messages', () => {
      const outbox = outboxOf()
      const limited = new RoomfulError('rate_limited', { retryAfterMs: 10 })
      for (const name of ['x', 'y', 'z']) outbox.add(amendment(name, name))
      outbox.add(amendment('x again', 'x'))
      outbox.add(entry('m1'))
      expect(outbox.next(0, () => true)?.clientId).toBe('m1')
      outbox.transmitted('m1', 0)
      outbox.transmitted('x', 0)
      outbox.refused('x', limited, 0)
      expect(transmitAll(outbox, 10).map(([id]) => id)).toEqual(['y', 'z', 'x'])
      outbox.accepted('x', placed(1))
      expect(transmitAll(outbox, 10).map(([id]) => id)).toEqual(['x again'])
    })

    it('[D2] [D9] amendments in the outbox go in order for each message, one at a time, and hold up no message', () => {
      const fault = fc.constantFrom('accept', 'accept', 'rate_limited', 'internal', 'forbidden', 'cut')
      fc.assert(
        fc.property(
          fc.array(fault, { maxLength: 80, size: 'max' }),
          fc.array(fc.constantFrom('message', 'x', 'y'), { minLength: 1, maxLength: 12 }),
          (faults, kinds) => {
            const outbox = new Outbox(LIMITS)
            const ids = kinds.map((kind, index) => `${kind} ${index}`)
            for (const [index, id] of ids.entries())
              outbox.add(kinds[index] === 'message' ? entry(id) : amendment(id, kinds[index]))
            const accepted: string[] = []
            const settled: string[] = []
            let now = 0
            for (let round = 0; round < 200 && outbox.entries.length > 0; round++) {
              now += 60_000
              const flights = transmitAll(outbox, now).map(([id]) => id)
              const firstRound = round === 0 ? ids.filter((id) => id.startsWith('message')) : []
              expect(flights).toEqual(expect.arrayContaining(firstRound))
              for (const kind of ['x', 'y'])
                expect(flights.filter((id) => id.startsWith(kind)).length).toBeLessThanOrEqual(1)
              for (const id of flights) {
                const next = id.startsWith('message') ? 'accept' : (faults.shift() ?? 'accept')
                if (next === 'cut') {
                  outbox.disconnected()
                  break
                }
                if (next !== 'accept') {
                  if (outbox.refused(id, new RoomfulError(next), now)) settled.push(id)
                  continue
                }
                if (!accepted.includes(id)) accepted.push(id)
                if (outbox.accepted(id, placed(1))) settled.push(id)
              }
            }
            expect(settled.sort()).toEqual(ids.sort())
            for (const kind of ['message', 'x', 'y']) {
              const places = accepted
                .filter((id) => id.startsWith(kind))
                .map((id) => Number(id.split(' ')[1]))
              expect(places).toEqual([...places].sort((a, b) => a - b))
            }
          },
        ),
        { numRuns: 1_000 },
      )
    })
  })
})

/** A room's log as the protocol describes it: dedupe by client id, and order by `after` on one connection. */
class ModelServer {
  readonly log: string[] = []
  #last: string | undefined

  receive(clientId: string, after: string | undefined): string | undefined {
    if (after !== undefined && after !== this.#last) return 'out_of_order'
    if (!this.log.includes(clientId)) this.log.push(clientId)
    this.#last = clientId
    return undefined
  }

  refuse(_clientId: string, after: string | undefined, code: string): string {
    return after !== undefined && after !== this.#last ? 'out_of_order' : code
  }

  reconnect(): void {
    this.#last = undefined
  }
}
