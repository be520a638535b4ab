import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { User } from '../../src/api/api.js'
import { DEFAULT_LIMITS, type Limits } from '../../src/api/options/limits.js'
import { Connection } from '../../src/engine/connection/connection.js'
import { EndOfTurn } from '../../src/engine/connection/end-of-turn.js'
import { TextFrame } from '../../src/engine/connection/frames.js'
import { Session } from '../../src/engine/connection/session.js'
import { Audience } from '../../src/engine/delivery/audience.js'
import { FanOut } from '../../src/engine/delivery/fan-out.js'
import type { DeliveryOptions, Item } from '../../src/engine/delivery/write-batch.js'
import { Metrics } from '../../src/engine/process/metrics.js'
import { VirtualClock } from '../../src/testing.js'
import { textsIn } from '../support/texts-in.js'

const BACKLOG_BYTES = 1_000
const unlimited = { perSecond: Number.POSITIVE_INFINITY, burst: Number.POSITIVE_INFINITY }

/** The fan-out of a node with members that write down what they get. */
function stage(limits: Partial<Limits> = {}) {
  const clock = new VirtualClock()
  const metrics = new Metrics()
  const endOfTurn = new EndOfTurn(clock, metrics)
  const fanOut = new FanOut(clock, metrics, { ...DEFAULT_LIMITS, ...limits }, endOfTurn)
  function member(id: string, { userId = id, extended = false } = {}) {
    const state = { got: [] as string[], writes: 0, backlog: 0, closedWith: 0 }
    const transport = {
      send() {
        throw new Error('A transport that takes frames gets no texts')
      },
      sendFrames(frames: Uint8Array) {
        state.got.push(...textsIn(frames as Buffer))
        state.writes++
      },
      close(code: number) {
        state.closedWith = code
      },
      get bufferedAmount() {
        return state.backlog
      },
      ping() {},
      terminate() {},
      pause() {},
      resume() {},
    }
    const rates = { messages: unlimited, bytes: unlimited, joins: unlimited, history: unlimited }
    const session = new Session<User>(rates, 0)
    session.extended = extended
    const request = { url: '/', headers: {}, remoteAddress: '127.0.0.1' }
    const deps = { backlogBytes: BACKLOG_BYTES, metrics, endOfTurn }
    const connection = new Connection(id, transport, request, session, deps, 0)
    const join = (audience: Audience) => fanOut.attach(audience, connection, userId)
    return { state, join, connection }
  }
  return { clock, fanOut, member, metrics }
}

const item = (text: string, options?: DeliveryOptions): Item => ({
  frame: new TextFrame(text),
  ...(options && { options }),
})

describe('[J17] notices', () => {
  async function crowd(notices: number) {
    const { clock, fanOut, member } = stage()
    const room = new Audience()
    const ana = member('ana')
    ana.join(room)
    for (let n = 1; n <= notices; n++) {
      fanOut.deliver(room, { ...item(`${n} came`), notice: true })
      await clock.settle()
    }
    return { clock, fanOut, room, ana: ana.state }
  }

  it('joins and leaves go out at once, until there are many: those gather, in order', async () => {
    const { clock, ana } = await crowd(100)
    expect(ana.got).toHaveLength(DEFAULT_LIMITS.presenceUpdatesBurst)
    await clock.advance(500)
    expect(ana.got).toEqual(Array.from({ length: 100 }, (_, n) => `${n + 1} came`))
    expect(ana.writes).toBe(DEFAULT_LIMITS.presenceUpdatesBurst + 1)
  })

  it('joins and leaves never come later than a message after them', async () => {
    const { clock, fanOut, room, ana } = await crowd(12)
    fanOut.deliver(room, item('a message'))
    await clock.settle()
    expect(ana.got.slice(-3)).toEqual(['11 came', '12 came', 'a message'])
  })
})

describe('a write batch', () => {
  it('a write batch goes out together, in one write a member', async () => {
    const { clock, fanOut, member } = stage()
    const room = new Audience()
    const [ana, bob] = [member('ana'), member('bob')]
    for (const { join } of [ana, bob]) join(room)
    for (const text of ['1', '2', '3']) fanOut.deliver(room, item(text))
    expect(ana.state.got).toEqual([])
    await clock.settle()
    for (const { state } of [ana, bob]) {
      expect(state.got).toEqual(['1', '2', '3'])
      expect(state.writes).toBe(1)
    }
  })

  it('write batches of several rooms go out in one write to a connection that is in all of them', async () => {
    const { clock, fanOut, member } = stage()
    const rooms = [new Audience(), new Audience()]
    const ana = member('ana')
    for (const room of rooms) ana.join(room)
    for (const [index, room] of rooms.entries()) fanOut.deliver(room, item(`${index}`))
    await clock.settle()
    expect(ana.state).toMatchObject({ got: ['0', '1'], writes: 1 })
  })

  it('a write batch goes out in one write with what else the connection gets in that turn', async () => {
    const { clock, fanOut, member } = stage()
    const room = new Audience()
    const ana = member('ana')
    ana.join(room)
    fanOut.deliver(room, item('1'))
    ana.connection.sendText('ack')
    await clock.settle()
    expect(ana.state).toMatchObject({ got: ['ack', '1'], writes: 1 })
  })

  it('[J6] [H3] a write batch reaches a member that joins in its middle from there on', async () => {
    const { clock, fanOut, member } = stage()
    const room = new Audience()
    const [ana, bob, eve] = [member('ana'), member('bob'), member('eve')]
    ana.join(room)
    fanOut.deliver(room, item('1'))
    bob.join(room)
    fanOut.deliver(room, item('2'))
    eve.join(room)
    await clock.settle()
    fanOut.deliver(room, item('3'))
    await clock.settle()
    expect([ana, bob, eve].map(({ state }) => state.got.join(''))).toEqual(['123', '23', '3'])
  })

  it('[H4] a write batch passes by who is still paging', async () => {
    const { clock, fanOut, member } = stage()
    const room = new Audience()
    const ana = member('ana')
    ana.join(room)
    room.suspend('ana')
    fanOut.deliver(room, item('1'))
    await clock.settle()
    ana.join(room)
    fanOut.deliver(room, item('2'))
    await clock.settle()
    expect(ana.state.got).toEqual(['2'])
  })

  it('a write batch keeps of one coalesceKey the newest, at its place in the order, also for who joined in its middle', async () => {
    const { clock, fanOut, member } = stage()
    const room = new Audience()
    const [ana, bob] = [member('ana'), member('bob')]
    ana.join(room)
    fanOut.deliver(room, item('k1', { coalesceKey: 'k' }))
    fanOut.deliver(room, item('1'))
    bob.join(room)
    fanOut.deliver(room, item('k2', { coalesceKey: 'k' }))
    fanOut.deliver(room, item('other', { coalesceKey: 'other' }))
    await clock.settle()
    expect(ana.state.got).toEqual(['1', 'k2', 'other'])
    expect(bob.state.got).toEqual(['k2', 'other'])
    fanOut.deliver(room, item('k3', { coalesceKey: 'k' }))
    await clock.settle()
    expect(ana.state.got.at(-1)).toBe('k3')
  })

  it('[A10] a write batch leaves volatile items out for who reads slowly, and closes who does not read at all', async () => {
    const { clock, fanOut, member } = stage()
    const room = new Audience()
    const [ana, bob] = [member('ana'), member('bob')]
    for (const { join } of [ana, bob]) join(room)
    ana.state.backlog = BACKLOG_BYTES / 4 + 1
    fanOut.deliver(room, item('kept'))
    fanOut.deliver(room, item('dropped', { volatile: true }))
    await clock.settle()
    expect(ana.state.got).toEqual(['kept'])
    expect(bob.state.got).toEqual(['kept', 'dropped'])
    ana.state.backlog = BACKLOG_BYTES + 1
    fanOut.deliver(room, item('last'))
    await clock.settle()
    expect(ana.state.closedWith).toBe(4002)
    expect(bob.state.closedWith).toBe(0)
  })

  it('[A10] a write batch counts what waits to be written as backlog too', () => {
    const { member } = stage()
    const ana = member('ana')
    for (let n = 0; n < 5; n++) ana.connection.sendText('x'.repeat(60))
    expect(ana.state.writes).toBe(1)
  })
})

describe('a room that gathers', () => {
  const limits = { flushMs: 100, flushMessages: 10, flushBytes: 1_000 }

  function crowd() {
    const { clock, fanOut, member } = stage(limits)
    const room = new Audience()
    const ana = member('ana')
    ana.join(room)
    return { clock, fanOut, room, ana: ana.state }
  }

  it('a room that gathers sends when its time is over, counted from its first message', async () => {
    const { clock, fanOut, room, ana } = crowd()
    for (const text of ['1', '2', '3']) {
      fanOut.deliver(room, item(text))
      await clock.advance(33)
    }
    expect(ana.writes).toBe(0)
    await clock.advance(1)
    expect(ana).toMatchObject({ got: ['1', '2', '3'], writes: 1 })
    fanOut.deliver(room, item('4'))
    await clock.advance(99)
    expect(ana.writes).toBe(1)
    await clock.advance(1)
    expect(ana).toMatchObject({ got: ['1', '2', '3', '4'], writes: 2 })
  })

  it('a room that gathers sends at once what is many messages or many bytes, and starts anew', async () => {
    const { clock, fanOut, room, ana } = crowd()
    for (let n = 0; n < limits.flushMessages; n++) fanOut.deliver(room, item('x'))
    await clock.settle()
    expect(ana).toMatchObject({ got: { length: 10 }, writes: 1 })
    fanOut.deliver(room, item('y'))
    await clock.advance(limits.flushMs - 1)
    expect(ana.writes).toBe(1)
    fanOut.deliver(room, item('z'.repeat(limits.flushBytes)))
    await clock.settle()
    expect(ana).toMatchObject({ got: { length: 12 }, writes: 2 })
    await clock.advance(limits.flushMs)
    expect(ana.writes).toBe(2)
    expect(clock.pending, 'timers').toBe(0)
  })

  it('[J17] a room that gathers sends notices with its messages, which never wait longer for them', async () => {
    const { clock, fanOut, room, ana } = crowd()
    for (let n = 0; n < DEFAULT_LIMITS.presenceUpdatesBurst; n++) {
      fanOut.deliver(room, { ...item('came'), notice: true })
      await clock.advance(limits.flushMs)
    }
    const { writes } = ana
    fanOut.deliver(room, { ...item('late'), notice: true })
    await clock.advance(1)
    fanOut.deliver(room, item('a message'))
    await clock.advance(limits.flushMs)
    expect(ana.got.slice(-2)).toEqual(['late', 'a message'])
    expect(ana.writes).toBe(writes + 1)
  })

  it('a room that gathers sends all of it when the server stops', () => {
    const { fanOut, room, ana } = crowd()
    fanOut.deliver(room, item('1'))
    fanOut.finish()
    expect(ana.got).toEqual(['1'])
  })
})

describe('a room', () => {
  it('[J6] a room leaves nobody without a message, or with one twice or out of order, whoever sends and joins when', async () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ do: fc.constant('push' as const), member: fc.nat(9) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('except' as const), member: fc.nat(9) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('join' as const), member: fc.nat(9) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('flush' as const), member: fc.nat(9) }) },
      { weight: 3, arbitrary: fc.constant({ do: 'turn' as const, member: 0 }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('advance' as const), member: fc.nat(9) }) },
    )
    const property = fc.asyncProperty(
      fc.array(step, { minLength: 20, maxLength: 120 }),
      fc.constantFrom(0, 5, 50),
      async (steps, flushMs) => {
        const { clock, fanOut, member, metrics } = stage({ flushMs, flushMessages: 8 })
        const room = new Audience()
        const members = Array.from({ length: 10 }, (_, n) => member(`m${n}`))
        const expected = members.map(() => [] as string[])
        const present = new Set<number>()
        const join = (n: number) => {
          if (present.has(n)) return
          present.add(n)
          members[n]?.join(room)
        }
        for (let n = 0; n < 6; n++) join(n)
        for (const [n, { do: what, member: who }] of steps.entries()) {
          const { connection } = members[who] as (typeof members)[number]
          if (what === 'join') join(who)
          if (what === 'flush') fanOut.finish()
          if (what === 'turn') await clock.settle()
          if (what === 'advance') await clock.advance(who)
          if (what !== 'push' && what !== 'except') continue
          const options = what === 'except' ? { exceptConnection: connection.id } : undefined
          fanOut.deliver(room, item(`${n}`, options))
          for (const index of present) if (what === 'push' || index !== who) expected[index]?.push(`${n}`)
        }
        await clock.advance(100)
        expect(members.map(({ state }) => state.got)).toEqual(expected)
        expect(metrics.framesOut).toBe(expected.flat().length)
      },
    )
    await fc.assert(property, { numRuns: 200 })
  })
})

describe('an audience', () => {
  const members = [
    { id: 'a1', userId: 'a', extended: true },
    { id: 'a2', userId: 'a', extended: false },
    { id: 'b1', userId: 'b', extended: true },
    { id: 'c1', userId: 'c', extended: false },
  ]
  const audience: fc.Arbitrary<DeliveryOptions> = fc.record(
    {
      exceptConnection: fc.constantFrom('a1', 'b1', 'nobody'),
      exceptUser: fc.constantFrom('a', 'c', 'nobody'),
      extendedOnly: fc.boolean(),
    },
    { requiredKeys: [] },
  )

  it('[A8] [B4] a room’s audience gets what is meant for it, whatever is in the write batch and whoever joined in its middle', async () => {
    const push = fc.record({
      audience: fc.option(audience, { nil: undefined }),
      volatile: fc.boolean(),
      joins: fc.option(fc.constantFrom(0, 1, 2, 3), { nil: undefined }),
    })
    const property = fc.asyncProperty(
      fc.array(push, { maxLength: 12 }),
      fc.subarray([0, 1, 2, 3]),
      fc.subarray([0, 1, 2, 3]),
      async (pushes, early, congested) => {
        const { clock, fanOut, member } = stage()
        const room = new Audience()
        const stages = members.map(({ id, ...about }) => member(id, about))
        const expected = members.map(() => [] as string[])
        const present = new Set<number>()
        const join = (index: number) => {
          if (present.has(index)) return
          present.add(index)
          stages[index]?.join(room)
        }
        for (const index of early) join(index)
        for (const index of congested) if (stages[index]) stages[index].state.backlog = BACKLOG_BYTES / 2
        for (const [n, { audience, volatile, joins }] of pushes.entries()) {
          if (joins !== undefined) join(joins)
          fanOut.deliver(room, item(`${n}`, { volatile, ...audience }))
          for (const index of present) {
            const { id, userId, extended } = members[index] as (typeof members)[number]
            const isMeant =
              audience?.exceptConnection !== id &&
              audience?.exceptUser !== userId &&
              (extended || !audience?.extendedOnly) &&
              !(volatile && congested.includes(index))
            if (isMeant) expected[index]?.push(`${n}`)
          }
        }
        await clock.settle()
        expect(stages.map(({ state }) => state.got)).toEqual(expected)
      },
    )
    await fc.assert(property, { numRuns: 200 })
  })

  it('a room’s audience is counted once for each flush that brought something', async () => {
    const { clock, fanOut, member, metrics } = stage()
    const room = new Audience()
    const ana = member('ana')
    ana.join(room)
    fanOut.deliver(room, item('1'))
    fanOut.finish()
    fanOut.deliver(room, item('2'))
    await clock.settle()
    expect(ana.state.got).toEqual(['1', '2'])
    expect(metrics.fanOuts).toBe(2)
  })

  it('[A8] a connection in several rooms of a broadcast gets it once, as a message of the first of them', async () => {
    const { clock, fanOut, member } = stage()
    const [one, two] = [new Audience(), new Audience()]
    const [ana, bob] = [member('ana'), member('bob')]
    ana.join(one)
    ana.join(two)
    bob.join(two)
    fanOut.deliver(one, item('by one'))
    fanOut.deliver(two, item('by two', { exceptConnections: new Set(['ana']) }))
    await clock.settle()
    expect(ana.state.got).toEqual(['by one'])
    expect(bob.state.got).toEqual(['by two'])
  })
})
