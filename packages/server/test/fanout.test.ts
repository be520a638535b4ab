import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import type { User } from '../src/api.js'
import type { Item, Member, Terms } from '../src/batch.js'
import type { Clock } from '../src/clock.js'
import { Connection } from '../src/connection.js'
import { Session } from '../src/core/session.js'
import { FanOut } from '../src/fanout.js'
import { DEFAULT_LIMITS } from '../src/limits.js'
import { Metrics } from '../src/metrics.js'
import { type Outgoing, textsIn } from '../src/outgoing.js'
import { Room } from '../src/room.js'
import { VirtualClock } from '../src/testing.js'

const BACKLOG_BYTES = 1_000
const unlimited = { perSecond: Number.POSITIVE_INFINITY, burst: Number.POSITIVE_INFINITY }

/** The fan-out of a node with members that write down what they get, each write of which takes its time. */
function stage({ msPerWrite = 0 } = {}) {
  const clock = new VirtualClock()
  let spentMs = 0
  const working: Clock = {
    now: () => clock.now() + spentMs,
    wall: () => clock.wall(),
    after: (ms, task) => clock.after(ms, task),
    soon: (task) => clock.soon(task),
    every: (ms, task) => clock.every(ms, task),
  }
  const fanOut = new FanOut(working, new Metrics(), DEFAULT_LIMITS)
  const order: string[] = []
  function member(id: string, { userId = id, extended = false } = {}) {
    const state = { got: [] as string[], writes: 0, backlog: 0, closedWith: 0, onWrite: () => {} }
    const transport = {
      write({ count, bytes }: Outgoing) {
        const texts = textsIn(bytes)
        expect(count).toBe(texts.length)
        state.got.push(...texts)
        state.writes++
        order.push(id)
        spentMs += msPerWrite
        state.onWrite()
      },
      close(code: number) {
        state.closedWith = code
      },
      get backlog() {
        return state.backlog
      },
      get hasLeft() {
        return state.backlog === 0
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
    const wake = (connection: Connection) => fanOut.wake(connection)
    const connection = new Connection(id, transport, request, session, BACKLOG_BYTES, wake, 0)
    const join = (room: Room) => {
      const place = { connection, userId, from: room.batch.length, live: true }
      room.members.set(id, place)
      return place
    }
    return { state, join, connection }
  }
  return { clock, fanOut, member, order }
}

const item = (text: string, terms?: Terms): Item => (terms ? { text, terms } : { text })

describe('[J17] notices', () => {
  async function crowd(notices: number) {
    const { clock, fanOut, member } = stage()
    const room = new Room('lobby')
    const ana = member('ana')
    ana.join(room)
    for (let n = 1; n <= notices; n++) {
      fanOut.push(room, { ...item(`${n} came`), notice: true })
      await clock.settle()
    }
    return { clock, fanOut, room, ana: ana.state }
  }

  it('go out at once, until there are many: those gather, in order', async () => {
    const { clock, ana } = await crowd(100)
    expect(ana.got).toHaveLength(DEFAULT_LIMITS.noticesBurst)
    await clock.advance(500)
    expect(ana.got).toEqual(Array.from({ length: 100 }, (_, n) => `${n + 1} came`))
    expect(ana.writes).toBe(DEFAULT_LIMITS.noticesBurst + 1)
  })

  it('never come later than a message after them', async () => {
    const { clock, fanOut, room, ana } = await crowd(12)
    fanOut.push(room, item('a message'))
    await clock.settle()
    expect(ana.got.slice(-3)).toEqual(['11 came', '12 came', 'a message'])
  })
})

describe('a batch', () => {
  it('goes out together, in one write a member', async () => {
    const { clock, fanOut, member } = stage()
    const room = new Room('lobby')
    const [ana, bob] = [member('ana'), member('bob')]
    for (const { join } of [ana, bob]) join(room)
    for (const text of ['1', '2', '3']) fanOut.push(room, item(text))
    expect(ana.state.got).toEqual([])
    await clock.settle()
    for (const { state } of [ana, bob]) {
      expect(state.got).toEqual(['1', '2', '3'])
      expect(state.writes).toBe(1)
    }
  })

  it('reaches those first who get an answer as well, in one write with it', async () => {
    const { clock, fanOut, member, order } = stage()
    const room = new Room('lobby')
    const [ana, bob, eve] = [member('ana'), member('bob'), member('eve')]
    for (const { join } of [ana, bob, eve]) join(room)
    for (const { connection } of [eve, bob]) connection.sendText('ack')
    fanOut.push(room, item('1'))
    await clock.settle()
    expect(order).toEqual(['eve', 'bob', 'ana'])
    expect([ana, bob, eve].map(({ state }) => state.got)).toEqual([['1'], ['ack', '1'], ['ack', '1']])
    fanOut.push(room, item('2'))
    await clock.settle()
    expect([ana, bob, eve].map(({ state }) => state.got.at(-1))).toEqual(['2', '2', '2'])
  })

  it('of several rooms goes out in one write to who is in all of them', async () => {
    const { clock, fanOut, member } = stage()
    const rooms = [new Room('one'), new Room('two')]
    const ana = member('ana')
    for (const room of rooms) ana.join(room)
    for (const [index, room] of rooms.entries()) fanOut.push(room, item(`${index}`))
    await clock.settle()
    expect(ana.state).toMatchObject({ got: ['0', '1'], writes: 1 })
  })

  it('of a busy room waits for ten messages, and no longer', async () => {
    const { clock, fanOut, member } = stage({ msPerWrite: 5 })
    const room = new Room('lobby')
    const ana = member('ana')
    ana.join(room)
    const push = async (count: number) => {
      for (let n = 0; n < count; n++) fanOut.push(room, item('x'))
      await clock.settle()
    }
    const untilFlushed = async () => {
      for (const { writes } = ana.state; ana.state.writes === writes; await clock.advance(1)) await push(1)
    }
    for (let n = 0; n < 20; n++) await untilFlushed()
    expect(room.answering.isAhead, 'once it has tried both ways').toBe(false)
    const { writes } = ana.state
    await push(1)
    expect(ana.state.writes, 'writes while it gathers').toBe(writes)
    await push(DEFAULT_LIMITS.flushMessages)
    expect(ana.state.writes, 'writes once ten are there').toBe(writes + 1)
    await push(1)
    await clock.advance(DEFAULT_LIMITS.flushMs)
    expect(ana.state.writes, 'writes when its time is over').toBe(writes + 2)
  })

  it('[J6] [H3] reaches who joins in its middle from there on', async () => {
    const { clock, fanOut, member } = stage()
    const room = new Room('lobby')
    const [ana, bob, eve] = [member('ana'), member('bob'), member('eve')]
    ana.join(room)
    fanOut.push(room, item('1'))
    bob.join(room)
    fanOut.push(room, item('2'))
    eve.join(room)
    await clock.settle()
    fanOut.push(room, item('3'))
    await clock.settle()
    expect([ana, bob, eve].map(({ state }) => state.got.join(''))).toEqual(['123', '23', '3'])
  })

  it('[H4] passes by who is still paging', async () => {
    const { clock, fanOut, member } = stage()
    const room = new Room('lobby')
    const ana = member('ana')
    const place = ana.join(room)
    place.live = false
    fanOut.push(room, item('1'))
    await clock.settle()
    place.live = true
    fanOut.push(room, item('2'))
    await clock.settle()
    expect(ana.state.got).toEqual(['2'])
  })

  it('keeps of one latestKey the newest, at its place in the order, also for who joined in its middle', async () => {
    const { clock, fanOut, member } = stage()
    const room = new Room('lobby')
    const [ana, bob] = [member('ana'), member('bob')]
    ana.join(room)
    fanOut.push(room, item('k1', { latestKey: 'k' }))
    fanOut.push(room, item('1'))
    bob.join(room)
    fanOut.push(room, item('k2', { latestKey: 'k' }))
    fanOut.push(room, item('other', { latestKey: 'other' }))
    await clock.settle()
    expect(ana.state.got).toEqual(['1', 'k2', 'other'])
    expect(bob.state.got).toEqual(['k2', 'other'])
    fanOut.push(room, item('k3', { latestKey: 'k' }))
    await clock.settle()
    expect(ana.state.got.at(-1)).toBe('k3')
  })

  it('leaves out what a newer one of its latestKey has replaced, also where somebody was sent it ahead', () => {
    const { member } = stage()
    const room = new Room('lobby')
    const [ana, bob] = [member('ana'), member('bob')]
    for (const { join } of [ana, bob]) join(room)
    const { batch } = room
    batch.add(item('1'))
    batch.add(item('k1', { latestKey: 'k' }))
    const share = ({ connection }: typeof ana) => {
      const outgoing = batch.shareOf(room.members.get(connection.id) as Member)
      return outgoing && { count: outgoing.count, texts: textsIn(outgoing.bytes) }
    }
    expect(share(ana)).toEqual({ count: 2, texts: ['1', 'k1'] })
    batch.add(item('2'))
    batch.add(item('k2', { latestKey: 'k' }))
    expect(share(bob)).toEqual({ count: 3, texts: ['1', '2', 'k2'] })
  })

  it('[A10] leaves volatile items out for who reads slowly, and closes who does not read at all', async () => {
    const { clock, fanOut, member } = stage()
    const room = new Room('lobby')
    const [ana, bob] = [member('ana'), member('bob')]
    for (const { join } of [ana, bob]) join(room)
    ana.state.backlog = BACKLOG_BYTES / 4 + 1
    fanOut.push(room, item('kept'))
    fanOut.push(room, item('dropped', { volatile: true }))
    await clock.settle()
    expect(ana.state.got).toEqual(['kept'])
    expect(bob.state.got).toEqual(['kept', 'dropped'])
    ana.state.backlog = BACKLOG_BYTES + 1
    fanOut.push(room, item('last'))
    await clock.settle()
    expect(ana.state.closedWith).toBe(4002)
    expect(bob.state.closedWith).toBe(0)
  })

  it('[A10] counts what waits to be written as backlog too', () => {
    const { member } = stage()
    const ana = member('ana')
    for (let n = 0; n < 5; n++) ana.connection.sendText('x'.repeat(60))
    expect(ana.state.writes).toBe(1)
  })
})

describe('a sender', () => {
  it('that waits is answered before the others get what it sent, so that one write carries more', async () => {
    const { clock, fanOut, member, order } = stage({ msPerWrite: 0.01 })
    const room = new Room('lobby')
    const members = Array.from({ length: 100 }, (_, n) => member(`m${n}`))
    for (const { join } of members) join(room)
    const messages = 5_000
    let sent = 0
    // Ten members send, each in the turn after it got its last message back.
    for (const [n, { state, connection }] of members.slice(0, 10).entries()) {
      let last = ''
      const send = () => {
        if (sent === messages) return
        last = `${n}: ${sent++}`
        fanOut.push(room, item(last))
        connection.sendText('ack')
        fanOut.accepted(room, connection)
      }
      state.onWrite = () => {
        if (state.got.includes(last, -60)) clock.soon(send)
      }
      clock.soon(send)
    }
    await clock.settle()
    await clock.advance(1_000)
    const [first, ...others] = members.map(({ state }) => state.got.filter((text) => text !== 'ack'))
    expect(first).toHaveLength(messages)
    for (const got of others) expect(got).toEqual(first)
    expect(
      order.length / messages,
      'writes a message; ten, if all senders waited for each flush',
    ).toBeLessThan(7)
  })

  /** Members of a costly room, which was flushed a moment ago: what comes next waits for company. */
  async function costly(count: number, msPerWrite = 0.5) {
    const { clock, fanOut, member, order } = stage({ msPerWrite })
    const members = Array.from({ length: count }, (_, n) => member(`m${n}`))
    const [before, room] = [new Room('before'), new Room('lobby')]
    for (const { join } of members) for (const each of [before, room]) join(each)
    const push = async (text: string, senders: readonly number[]) => {
      for (const n of senders) {
        const { connection } = members[n] as (typeof members)[number]
        fanOut.push(room, item(text))
        connection.sendText(`ack ${text}`)
        fanOut.accepted(room, connection)
      }
      await clock.settle()
    }
    // What a write costs is learnt from any room.
    for (let n = 0; n < 30; n++) {
      fanOut.push(before, item('before'))
      await clock.advance(1_000)
    }
    await push('0', [0])
    await clock.advance(1)
    order.length = 0
    for (const { state } of members) state.got.length = 0
    return { clock, push, order, got: (n: number) => members[n]?.state.got }
  }

  it('gets with its answer all that came before it, and nothing twice', async () => {
    const { clock, push, got } = await costly(8)
    await push('1', [0])
    expect(got(0), 'the sender').toEqual(['ack 1', '1'])
    expect(got(1), 'the others wait for company').toEqual([])
    await push('2', [1])
    expect(got(1)).toEqual(['ack 2', '1', '2'])
    expect(got(0)).toEqual(['ack 1', '1'])
    await clock.advance(100)
    expect([0, 1, 2].map(got)).toEqual([
      ['ack 1', '1', '2'],
      ['ack 2', '1', '2'],
      ['1', '2'],
    ])
  })

  it('costs at most a quarter of the writes of a flush: where more wait, all get it at once', async () => {
    const { push, order } = await costly(8)
    await push('1', [0, 1])
    expect(order, 'two of eight').toEqual(['m0', 'm1'])
    await push('2', [2])
    expect(order.slice(2).sort(), 'a third').toEqual(Array.from({ length: 8 }, (_, n) => `m${n}`))
  })

  it('that is answered ahead has the others wait for twice as many', async () => {
    const { push, got } = await costly(100, 0.04)
    for (let n = 1; n < 2 * DEFAULT_LIMITS.flushMessages; n++) await push(`${n}`, [n % 10])
    expect(got(99), 'before the twentieth').toEqual([])
    await push('last', [0])
    expect(got(99)).toHaveLength(2 * DEFAULT_LIMITS.flushMessages)
  })

  it('that has left gets no more of the room', async () => {
    const { clock, fanOut, member } = stage({ msPerWrite: 5 })
    const room = new Room('lobby')
    const [ana, bob] = [member('ana'), member('bob')]
    for (const { join } of [ana, bob]) join(room)
    fanOut.push(room, item('1'))
    fanOut.accepted(room, ana.connection)
    room.members.delete('ana')
    await clock.advance(100)
    expect(ana.state.got).toEqual([])
    expect(bob.state.got).toEqual(['1'])
  })

  it('[J6] leaves nobody without a message, or with one twice or out of order, whoever sends and joins when', async () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ do: fc.constant('push' as const), sender: fc.nat(9) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('except' as const), sender: fc.nat(9) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('join' as const), sender: fc.nat(9) }) },
      { weight: 3, arbitrary: fc.constant({ do: 'turn' as const, sender: 0 }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('advance' as const), sender: fc.nat(9) }) },
    )
    let ahead = 0
    const property = fc.asyncProperty(
      fc.array(step, { minLength: 20, maxLength: 120 }),
      fc.constantFrom(0.05, 0.5, 3),
      async (steps, msPerWrite) => {
        const { clock, fanOut, member } = stage({ msPerWrite })
        const room = new Room('lobby')
        const members = Array.from({ length: 10 }, (_, n) => member(`m${n}`))
        const expected = members.map(() => [] as string[])
        const present = new Set<number>()
        const join = (n: number) => {
          if (present.has(n)) return
          present.add(n)
          members[n]?.join(room)
        }
        for (let n = 0; n < 6; n++) join(n)
        for (const [n, { do: what, sender }] of steps.entries()) {
          const { connection } = members[sender] as (typeof members)[number]
          if (what === 'join') join(sender)
          if (what === 'turn') await clock.settle()
          if (what === 'advance') await clock.advance(sender)
          if (what !== 'push' && what !== 'except') continue
          const terms = what === 'except' ? { exceptConnection: connection.id } : undefined
          fanOut.push(room, item(`${n}`, terms))
          for (const index of present) if (what === 'push' || index !== sender) expected[index]?.push(`${n}`)
          if (what === 'except' || !present.has(sender)) continue
          connection.sendText('ack')
          fanOut.accepted(room, connection)
          const before = members.map(({ state }) => state.writes)
          await clock.settle()
          const written = members.filter(({ state }, index) => state.writes > (before[index] ?? 0))
          if (written.length === 1) ahead++
        }
        await clock.advance(1_000)
        expect(members.map(({ state }) => state.got.filter((text) => text !== 'ack'))).toEqual(expected)
      },
    )
    await fc.assert(property, { numRuns: 200 })
    expect(ahead, 'senders that were answered alone').toBeGreaterThan(100)
  })
})

describe('an audience', () => {
  const members = [
    { id: 'a1', userId: 'a', extended: true },
    { id: 'a2', userId: 'a', extended: false },
    { id: 'b1', userId: 'b', extended: true },
    { id: 'c1', userId: 'c', extended: false },
  ]
  const audience: fc.Arbitrary<Terms> = fc.record(
    {
      exceptConnection: fc.constantFrom('a1', 'b1', 'nobody'),
      exceptUser: fc.constantFrom('a', 'c', 'nobody'),
      extendedOnly: fc.boolean(),
    },
    { requiredKeys: [] },
  )

  it('[A8] [B4] gets what is meant for it, whatever is in the batch and whoever joined in its middle', async () => {
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
        const room = new Room('lobby')
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
          fanOut.push(room, item(`${n}`, { volatile, ...audience }))
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

  it('is counted once where a join flushed its room in the middle of a turn', async () => {
    const { clock, fanOut, member } = stage()
    const room = new Room('lobby')
    const flushed = vi.spyOn(room, 'flushed')
    const ana = member('ana')
    ana.join(room)
    fanOut.push(room, item('1'))
    fanOut.flush(room)
    fanOut.push(room, item('2'))
    await clock.settle()
    expect(ana.state.got).toEqual(['1', '2'])
    expect(flushed).toHaveBeenCalledTimes(1)
  })

  it('keeps no senders of messages that brought the room nothing', async () => {
    const { clock, fanOut, member } = stage()
    const room = new Room('lobby')
    const ana = member('ana')
    ana.join(room)
    for (let n = 0; n < 3; n++) {
      fanOut.accepted(room, ana.connection)
      await clock.settle()
    }
    expect(room.batch.senders).toEqual([])
  })

  it('[A8] of several rooms gets a message once, by the first of them', async () => {
    const { clock, fanOut, member } = stage()
    const [one, two] = [new Room('one'), new Room('two')]
    const [ana, bob] = [member('ana'), member('bob')]
    ana.join(one)
    ana.join(two)
    bob.join(two)
    fanOut.push(one, item('by one'))
    fanOut.push(two, item('by two', { exceptConnections: new Set(['ana']) }))
    await clock.settle()
    expect(ana.state.got).toEqual(['by one'])
    expect(bob.state.got).toEqual(['by two'])
  })
})
