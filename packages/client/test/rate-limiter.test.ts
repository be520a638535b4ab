import { defineProtocol, request } from '@roomful/protocol/define'
import { createTestServer, Device, VirtualClock } from '@roomful/server/testing'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { RateLimiter } from '../src/connection/rate-limiter.js'
import { createClient } from '../src/index.js'
import { errorFrame, joinedFrame, ScriptedServer } from './support/scripted-server.js'

/** A source with so many frames of a size, which notes when each was sent. */
function source(clock: VirtualClock, count: number, bytes: number) {
  const sentAt: number[] = []
  return {
    sentAt,
    next: () => (sentAt.length < count ? ({ budget: 'messages', bytes } as const) : undefined),
    send: () => void sentAt.push(clock.now()),
  }
}

/** Whether a server's budget, full at first, pays for what arrives at these times. */
function isPaid(arrivals: readonly number[], perSecond: number, burst: number, cost: number): boolean {
  let [left, at] = [burst, 0]
  return arrivals.every((time) => {
    left = Math.min(burst, left + ((time - at) / 1_000) * perSecond) - Math.min(cost, burst)
    at = time
    return left > -1e-6
  })
}

describe('the pace of a connection', () => {
  it('[C2] the pace of a connection stays below the rates, in messages and bytes, and uses them', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 3_000 }),
        async (perSecond, burst, bytes) => {
          const clock = new VirtualClock()
          const pace = new RateLimiter(clock)
          const limits = { messages_per_second: perSecond, messages_burst: burst }
          pace.reset({ ...limits, bytes_per_second: 2_000, frame_bytes: 2_500 })
          const sources = [source(clock, 30, bytes), source(clock, 30, bytes)]
          for (const one of sources) pace.add(one)
          pace.pump()
          await clock.advance(600_000)
          const sent = sources.flatMap(({ sentAt }) => sentAt).sort((a, b) => a - b)
          expect(sent).toHaveLength(60)
          expect(isPaid(sent, perSecond, burst, 1)).toBe(true)
          expect(isPaid(sent, 2_000, 2_500, bytes)).toBe(true)
          const needed = Math.max(60 / perSecond, (60 * Math.min(bytes, 2_500)) / 2_000) * 1_000
          expect(sent.at(-1)).toBeLessThanOrEqual(needed * 1.01 + 2_500)
        },
      ),
      { numRuns: 30 },
    )
  })

  it('[C2] the pace of a connection leaves room for a network that bunches what was sent evenly', async () => {
    const clock = new VirtualClock()
    const pace = new RateLimiter(clock)
    pace.reset({ messages_per_second: 20, messages_burst: 40 })
    const talker = source(clock, 300, 10)
    pace.add(talker)
    pace.spend({ budget: 'messages', bytes: 10 })
    await clock.advance(200)
    pace.pump()
    await clock.advance(60_000)
    // Each frame waits for the next multiple of 400 ms.
    const arrivals = talker.sentAt.map((time) => Math.ceil(time / 400) * 400)
    expect(isPaid([0, ...arrivals], 20, 40, 1)).toBe(true)
  })

  it('the pace of a connection lets its sources take turns, and a budget of its own holds up nobody else', async () => {
    const clock = new VirtualClock()
    const pace = new RateLimiter(clock)
    pace.reset({ messages_per_second: 10, messages_burst: 1, history_per_second: 1 })
    const order: string[] = []
    for (const [name, budget] of [
      ['history', 'history'],
      ['a', 'messages'],
      ['b', 'messages'],
    ] as const)
      pace.add({ next: () => ({ budget, bytes: 1 }), send: () => void order.push(name) })
    pace.pump()
    await clock.advance(400)
    expect(order).toEqual(['history', 'a', 'b', 'a', 'b', 'a'])
    pace.stop()
  })

  it('the pace of a connection after a refusal, as where another page shares the budget, waits as told and goes on more slowly', async () => {
    const clock = new VirtualClock()
    const pace = new RateLimiter(clock)
    pace.reset({ messages_per_second: 10, messages_burst: 1 })
    const talker = source(clock, 6, 1)
    pace.add(talker)
    pace.pump()
    // All of one burst: the rate is halved once.
    for (let n = 0; n < 5; n++) pace.refused('messages', 1_000)
    await clock.advance(10_000)
    expect(talker.sentAt).toEqual([0, 1_000, 1_200, 1_400, 1_600, 1_800])
  })
})

describe('an honest client', () => {
  const protocol = defineProtocol({
    client: { mark_done: request(z.object({ offset: z.number() }), z.object({})), waved: z.object({}) },
  })

  it('[E12] an honest client is never refused for its rate: 140 messages in one go, a request for each, typing, presence and history', async () => {
    const { server, network, clock } = await createTestServer({
      protocol,
      handle: { mark_done: () => ({}), waved: () => {} },
    })
    const sent: string[] = []
    const observe = (direction: string, text: string) => void (direction === 'sent' && sent.push(text))
    const client = createClient(
      { url: 'ws://test', protocol, session: 'memory' },
      new Device(network, { observe }).runtime,
    )
    const states: string[] = []
    client.on('status', ({ to }) => states.push(to.state))
    const room = client.room('general')
    const errors: unknown[] = []
    client.on('error', (error) => errors.push(error))
    const requests: Promise<unknown>[] = []
    room.on('chat_message', ({ offset = 0 }) => {
      requests.push(room.request('mark_done', { offset }))
      room.typing.keystroke()
      room.emit('waved', {})
      room.presence.set({ offset })
    })
    void room.join()
    await clock.settle()
    const sends = Array.from({ length: 140 }, (_, index) => room.send(`line ${index}`))
    const pages = [1, 2, 3].map(() => room.history())
    await clock.advance(30_000)
    const outcomes = await Promise.allSettled([...sends, ...pages, ...requests])
    expect(outcomes.filter(({ status }) => status === 'rejected')).toEqual([])
    expect(requests).toHaveLength(140)
    expect(errors).toEqual([])
    expect(server.metrics()).not.toMatch(/roomful_errors_total\{code="rate_limited"\} [1-9]/)
    expect(states).not.toContain('backoff')
    expect(room.members.get()).toMatchObject([{ state: { offset: 140 } }])
    // What one ended the other would have to say again.
    expect(sent.filter((text) => text.includes('"chat_message"'))).toHaveLength(140)
    client.close()
  })

  it('[J9] an honest client that leaves a hundred rooms at once has left them all, and comes back where it joins again meanwhile', async () => {
    const { server, network, clock } = await createTestServer()
    const client = createClient({ url: 'ws://test', session: 'memory' }, new Device(network).runtime)
    const rooms = Array.from({ length: 100 }, (_, index) => client.room(`room-${index}`))
    for (const room of rooms) void room.join()
    await clock.advance(1_000)
    const left = rooms.map((room) => room.leave())
    const last = rooms.at(-1)
    const again = last?.join()
    await clock.advance(20_000)
    await Promise.all(left)
    expect(server.metrics()).not.toMatch(/roomful_errors_total\{code="rate_limited"\} [1-9]/)
    expect((await again)?.members).toHaveLength(1)
    expect(server.metrics()).toMatch(/^roomful_rooms(?:\{[^}]*\})? 1$/m)
    client.close()
  })
})

describe('what waits for its turn', () => {
  const slow = { limits: { messages_per_second: 1, messages_burst: 1, joins_per_second: 1, joins_burst: 1 } }

  it('what waits for its turn is dropped with the connection, since it never left', async () => {
    const protocol = defineProtocol({ client: { ask: request(z.object({}), z.object({})) } })
    const script = new ScriptedServer({ protocol: protocol as never })
    const room = script.client.room('r') as unknown as {
      request(type: string, body: object): Promise<unknown>
    }
    await script.connection.welcomes('me', slow)
    const asked = room.request('ask', {}).catch(({ code }) => code)
    expect(script.connection.take().map(({ type }) => type)).toEqual(['auth'])
    await script.connection.closes(1006)
    expect(await asked).toBe('not_connected')
  })

  it('what waits for its turn does not follow what took it back: a join that waits is not sent after a leave', async () => {
    const script = new ScriptedServer()
    await script.connection.welcomes('me', slow)
    const [one, two] = [script.client.room('one'), script.client.room('two')]
    void one.join()
    void two.join()
    void two.leave()
    await script.clock.advance(5_000)
    const frames = script.connection.take().filter(({ room_id }) => room_id === 'two')
    expect(frames.map(({ type }) => type)).toEqual(['leave'])
  })

  it('a typing notice is not queued', async () => {
    const script = new ScriptedServer()
    const room = script.client.room('r')
    await script.connection.welcomes('me', slow)
    void room.join()
    await script.connection.says(joinedFrame(script.connection.take().at(-1)))
    room.typing.keystroke()
    expect(script.connection.take()).toEqual([])
    await script.clock.advance(5_000)
    expect(script.connection.take()).toEqual([])
    await script.connection.says(errorFrame('rate_limited', { retry_after_ms: 100 }))
  })
})
