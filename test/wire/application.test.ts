import { defineProtocol, request, volatile } from '@roomful/protocol'
import { batch, RoomfulError, refuse } from '@roomful/server'
import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { connect, connectExtended } from '../support/connect.js'
import { gate, serve, WireClock } from '../support/wire-server.js'

const square = z.object({ x: z.number(), y: z.number() })
const shout = z.pipe(
  z.string(),
  z.transform((text) => text.toUpperCase()),
)

const protocol = defineProtocol({
  client: {
    move: request(z.object({ from: square, to: square }), z.object({ legal: z.boolean() })),
    cursor: square,
    wave: z.object({ at: shout }),
  },
  server: {
    moved: z.object({ to: square }),
    waved: z.object({ at: shout }),
    cursor_moved: volatile(z.object({ x: z.number() })),
  },
})

const from = { x: 0, y: 0 }
const to = { x: 1, y: 1 }

describe('a client’s message', () => {
  it('[A3] [A2] a client’s message reaches its handler without the envelope, for the room that it names or the default one', async () => {
    const seen: unknown[] = []
    const { url } = await serve({
      protocol,
      handle: {
        move: () => ({ legal: true }),
        cursor: ({ room, user }, message) => void seen.push([room.id, user.id, message]),
      },
    })
    const ana = await connectExtended(url)
    await ana.join('one')
    await ana.join('two')
    ana.send({ type: 'cursor', x: 1, y: 2, room_id: 'one', ref: 'r', client_id: 'c', after: 'b' })
    ana.send({ type: 'cursor', x: 3, y: 4 })
    await ana.settled()
    expect(seen).toEqual([
      ['one', ana.userId, { type: 'cursor', x: 1, y: 2 }],
      ['two', ana.userId, { type: 'cursor', x: 3, y: 4 }],
    ])
    await ana.never('error')
  })

  it('[A3] [E7] [E8] a client’s message that its schema refuses is answered with the fields named', async () => {
    const { url } = await serve({ protocol, handle: { move: () => ({ legal: true }) } })
    const ana = await connect(url)
    await ana.join('chess')
    const move = { type: 'move', from: { x: 'a', y: 0 }, to: { x: 1 }, ref: 'r', room_id: 'chess' }
    const { code, ref, room_id, issues = [] } = await ana.ask(move, 'error')
    expect({ code, ref, room_id }).toEqual({ code: 'invalid_message', ref: 'r', room_id: 'chess' })
    expect(issues.map(({ path }) => path)).toEqual(['from.x', 'to.y'])
  })

  it('[A3] [E10] [E9] a client’s message to a room that one is not in is answered so, whatever else is wrong with it', async () => {
    const { url } = await serve({ protocol, handle: { move: () => ({ legal: true }) } })
    const ana = await connect(url)
    expect(await ana.refusal({ type: 'cursor', x: 'nonsense' })).toBe('not_in_room')
    await ana.join('chess')
    expect(await ana.refusal({ type: 'cursor', x: 'nonsense', room_id: 'go' })).toBe('not_in_room')
    expect(await ana.refusal({ type: 'cursor', x: 'nonsense', room_id: 7 })).toBe('invalid_room')
  })

  it('[A9] a client’s message is given to the handler as its schema made it', async () => {
    const seen: unknown[] = []
    const { url } = await serve({
      protocol,
      handle: { move: () => ({ legal: true }), wave: (_, { at }) => void seen.push(at) },
    })
    const ana = await connect(url)
    await ana.join('chess')
    ana.send({ type: 'wave', at: 'you' })
    await ana.settled()
    expect(seen).toEqual(['YOU'])
  })

  it('[E15] a client’s message whose schema throws is answered by internal, and harms nobody', async () => {
    const broken = defineProtocol({
      client: {
        boom: z.pipe(
          z.object({ a: z.number() }),
          z.transform((): { a: number } => {
            throw new Error('in the schema')
          }),
        ),
      },
    })
    const { url, log } = await serve({ protocol: broken })
    const ana = await connect(url)
    await ana.join('lobby')
    expect(await ana.ask({ type: 'boom', a: 1, ref: 'r' }, 'error')).toMatchObject({
      code: 'internal',
      message: 'Internal server error',
      ref: 'r',
    })
    expect(log.filter(({ level }) => level === 'error')).toHaveLength(1)
    await ana.chat('lobby', 'still here')
  })
})

describe('a request', () => {
  it('[A4] a request is answered by a reply with its ref, and carried out without one too', async () => {
    let moves = 0
    const { url } = await serve({
      protocol,
      handle: {
        move: () => {
          moves++
          return { legal: moves > 1 }
        },
      },
    })
    const ana = await connect(url)
    await ana.join('chess')
    expect(await ana.ask({ type: 'move', from, to, ref: 'r1' }, 'reply')).toEqual({
      type: 'reply',
      ref: 'r1',
      data: { legal: false },
    })
    ana.send({ type: 'move', from, to })
    await ana.never('reply')
    expect(moves).toBe(2)
  })

  it('[A5] [A4] a request that comes twice is carried out twice: the client does not repeat it', async () => {
    let moves = 0
    const { url } = await serve({ protocol, handle: { move: () => ({ legal: ++moves > 0 }) } })
    const ana = await connect(url)
    await ana.join('chess')
    for (let n = 0; n < 2; n++) await ana.ask({ type: 'move', from, to, ref: 'same' }, 'reply')
    expect(moves).toBe(2)
  })

  it('[A6] [E7] [E16] a request may be refused with a code, a text and a time of the application’s own', async () => {
    const { url } = await serve({
      protocol,
      handle: {
        move: () => {
          throw refuse('not_your_turn', 'It is not your turn', { retryAfterMs: 500 })
        },
      },
    })
    const ana = await connect(url)
    await ana.join('chess')
    expect(await ana.ask({ type: 'move', from, to, ref: 'r', room_id: 'chess' }, 'error')).toMatchObject({
      code: 'not_your_turn',
      message: 'It is not your turn',
      ref: 'r',
      room_id: 'chess',
      retry_after_ms: 500,
    })
  })

  it('[E15] a request whose handler throws, or takes too long, is answered by internal, logged once, and its signal aborts', async () => {
    const clock = new WireClock()
    const aborted: boolean[] = []
    const started = gate()
    const { url, log } = await serve({
      protocol,
      clock,
      handle: {
        move: ({ signal }, { to: { x } }) => {
          if (x === 1) throw new Error('oops')
          started.open()
          return new Promise(() => signal.addEventListener('abort', () => aborted.push(true)))
        },
      },
    })
    const ana = await connect(url)
    await ana.join('chess')
    expect(await ana.ask({ type: 'move', from, to, ref: 'r' }, 'error')).toMatchObject({
      code: 'internal',
      ref: 'r',
    })
    ana.send({ type: 'move', from, to: { x: 2, y: 2 }, ref: 's' })
    await started.opened
    await clock.advance(30_000)
    expect(await ana.next('error')).toMatchObject({
      code: 'internal',
      message: 'Internal server error',
      ref: 's',
    })
    expect(aborted).toEqual([true])
    expect(log.filter(({ level }) => level === 'error').map(({ event }) => event)).toEqual([
      'handle.move failed',
      'handle.move failed',
    ])
    await ana.chat('chess', 'still here')
  })

  it('[A5] a request whose connection ends is not answered, and its signal aborts', async () => {
    const started = gate()
    const ended = gate()
    const { url } = await serve({
      protocol,
      handle: {
        move: ({ signal }) => {
          signal.addEventListener('abort', ended.open)
          started.open()
          return ended.opened.then(() => ({ legal: true }))
        },
      },
    })
    const ana = await connect(url)
    await ana.join('chess')
    ana.send({ type: 'move', from, to, ref: 'r' })
    await started.opened
    await ana.vanish()
    await ended.opened
  })
})

describe('a server’s message', () => {
  it('[A7] [A9] a server’s message that is published goes to every member with its place in the log, as the sender gave it', async () => {
    const { url, server } = await serve({ protocol, handle: { move: () => ({ legal: true }) } })
    const ana = await connect(url)
    await ana.join('chess')
    const { duplicate, ...position } = await server.room('chess').publish({ type: 'waved', at: 'you' })
    const live = await ana.next('waved')
    expect(live).toEqual({ type: 'waved', at: 'you', room_id: 'chess', ...position })
    expect(position).toEqual({ epoch: expect.any(String), offset: 1, id: expect.any(String) })
    expect(duplicate).toBe(false)
    expect((await ana.join('chess', { history: 1 })).messages).toEqual([live])
  })

  it('[A8] a server’s message that is volatile has no offset, may exclude someone, and is not in the log', async () => {
    const { url, server } = await serve({ protocol, handle: { move: () => ({ legal: true }) } })
    const [ana, bob] = [await connectExtended(url), await connectExtended(url)]
    for (const client of [ana, bob]) await client.join('chess')
    server.room('chess').broadcast({ type: 'cursor_moved', x: 1 }, { except: { user: bob.userId } })
    expect(await ana.next('cursor_moved')).toEqual({ type: 'cursor_moved', x: 1, room_id: 'chess' })
    await bob.never('cursor_moved')
    expect((await server.room('chess').history()).messages).toEqual([])
  })

  it.each([
    ['published', 'that is volatile', { type: 'cursor_moved', x: 1 }, 'type'],
    ['published', 'that nobody declared', { type: 'sung' }, 'type'],
    ['published', 'with a field of the envelope', { type: 'moved', to, offset: 7 }, 'offset'],
    ['published', 'that its schema refuses', { type: 'moved', to: { x: 1 } }, 'to.y'],
    ['broadcast', 'that is published', { type: 'moved', to }, 'type'],
  ])('[A2] a server’s message is not %s %s, and the caller is told why', async (how, _, message, path) => {
    const { server } = await serve({ protocol, handle: { move: () => ({ legal: true }) } })
    // As JavaScript may call it.
    const room = server.room('chess') as unknown as Record<'publish' | 'broadcast', (m: object) => unknown>
    const call = async () => (how === 'published' ? room.publish(message) : room.broadcast(message))
    const error = await call().catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(RoomfulError)
    expect(error).toMatchObject({ code: 'invalid_message', issues: [{ path }] })
  })
})

describe('a handler batch', () => {
  function batching(clock: WireClock) {
    const batches: number[][] = []
    const cursor = batch({ size: 3, ms: 100 }, (items) => {
      batches.push(items.map(({ message }) => (message as { x: number }).x))
    })
    return { batches, options: { protocol, clock, handle: { move: () => ({ legal: true }), cursor } } }
  }

  it('a handler batch is handled as soon as it is full, and the rest when its time has come', async () => {
    const clock = new WireClock()
    const { batches, options } = batching(clock)
    const { url } = await serve(options)
    const ana = await connect(url)
    await ana.join('chess')
    for (let x = 1; x <= 4; x++) ana.send({ type: 'cursor', x, y: 0 })
    await ana.settled()
    expect(batches).toEqual([[1, 2, 3]])
    await clock.advance(100)
    expect(batches).toEqual([[1, 2, 3], [4]])
  })

  it('a handler batch holds the messages of one room', async () => {
    const clock = new WireClock()
    const { batches, options } = batching(clock)
    const { url } = await serve(options)
    const ana = await connect(url)
    await ana.join('chess')
    await ana.join('go')
    for (const [x, room_id] of ['chess', 'go', 'chess'].entries())
      ana.send({ type: 'cursor', x, y: 0, room_id })
    await ana.settled()
    await clock.advance(100)
    expect(batches).toEqual([[0, 2], [1]])
  })
})

describe('start-up', () => {
  it('[A1] start-up refuses what could only fail later, and says how to mend it', async () => {
    await expect(serve({ protocol })).rejects.toThrow(/request 'move' needs a function handle.move/)
    const typo = { move: () => ({ legal: true }), crusor: () => {} }
    await expect(serve({ protocol, handle: typo })).rejects.toThrow(/declare 'crusor' in defineProtocol/)
    await expect(serve({ limits: JSON.parse('{"mesagesPerSecond": 1}') })).rejects.toThrow(
      /mean 'messagesPerSecond'/,
    )
    await expect(serve({ limits: { heartbeatMs: 0 } })).rejects.toThrow(/a number above 0/)
    await expect(serve({ trustedProxies: -1 })).rejects.toThrow(/0 or more/)
  })
})
