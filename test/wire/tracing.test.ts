import { AsyncLocalStorage } from 'node:async_hooks'
import { tracingChannel } from 'node:diagnostics_channel'
import { defineProtocol, request } from '@roomful/protocol'
import { memory, RoomfulError, refuse, type Traces } from '@roomful/server'
import { describe, expect, it, onTestFinished } from 'vitest'
import * as z from 'zod/mini'
import { connect, connectExtended } from '../support/connect.js'
import { gate, logText, serve, until } from '../support/wire-server.js'

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c'
const traceparent = `00-${TRACE_ID}-b7ad6b7169203331-01`
const meta = { traceparent }

const protocol = defineProtocol({
  client: {
    dance: request(z.object({}), z.object({ steps: z.number() })),
    wave: z.object({ at: z.string() }),
  },
  server: { waved: z.object({ at: z.string() }) },
})

type Ended<K extends keyof Traces> = Traces[K] & { readonly error?: unknown; readonly result?: unknown }

/** The traces of one kind that have ended, until the test ends. */
function listen<K extends keyof Traces>(name: K): Ended<K>[] {
  const { end, asyncEnd } = tracingChannel(name)
  const ended: Ended<K>[] = []
  const note = (trace: unknown) => void ended.push(trace as Ended<K>)
  const last = name === 'roomful:flush' ? end : asyncEnd
  last.subscribe(note)
  onTestFinished(() => void last.unsubscribe(note))
  return ended
}

describe('tracing', () => {
  it('a connection, its messages, joins and publishes are traces with their ids', async () => {
    const traces = {
      connects: listen('roomful:connect'),
      messages: listen('roomful:message'),
      joins: listen('roomful:join'),
      publishes: listen('roomful:publish'),
      flushes: listen('roomful:flush'),
    }
    const { url, server } = await serve()
    const ana = await connect(url, { headers: { traceparent } })
    const [connected] = traces.connects
    expect(traces.connects).toEqual([
      {
        connectionId: connected?.connectionId,
        remoteAddress: '127.0.0.1',
        userId: expect.stringMatching(/^anon-/),
        traceparent,
        result: undefined,
      },
    ])
    await ana.join('lobby')
    const { id } = await ana.chat('lobby', 'hi', { meta })
    await server.room('lobby').chat.send('welcome')
    await ana.settled()
    const { connectionId, userId } = connected ?? {}
    expect(traces.messages).toMatchObject([
      { connectionId, userId, type: 'join', roomId: 'lobby', traceparent: undefined },
      { connectionId, userId, type: 'chat_message', roomId: 'lobby', traceparent },
    ])
    expect(traces.messages[1]?.bytes).toBeGreaterThan(100)
    expect(traces.joins).toMatchObject([{ connectionId, userId, roomId: 'lobby' }])
    const accepted = { status: 'accepted', duplicate: false }
    expect(traces.publishes).toMatchObject([
      { roomId: 'lobby', type: 'chat_message', id, result: accepted },
      { roomId: 'lobby', type: 'chat_message', result: accepted },
    ])
    expect(traces.flushes.length).toBeGreaterThan(2)
    expect(traces.flushes.at(-1)?.result).toBe(1)
  })

  it('an error that answers a message, a join or a connection is the error of its traces, and of no other', async () => {
    const traces = {
      connects: listen('roomful:connect'),
      messages: listen('roomful:message'),
      joins: listen('roomful:join'),
    }
    let isFull = false
    const fault = new Error('the database is gone')
    const { url } = await serve({
      protocol,
      on: {
        connect: () => {
          if (isFull) throw refuse('full', 'Come back tomorrow')
        },
        join: ({ room }) => {
          if (room.id === 'closed') throw refuse('closed', 'This room is closed')
        },
      },
      handle: {
        dance: () => {
          throw fault
        },
      },
    })
    const ana = await connect(url)
    await ana.join('lobby')
    await ana.refusal({ type: 'dance', ref: 'r' })
    await ana.refusal({ type: 'join', room_id: 'closed' })
    await ana.refusal({ type: 'sing' })
    await ana.refusal({ type: 'chat_message', room_id: 'lobby', message: '', meta })
    await ana.chat('lobby', 'hi')
    isFull = true
    await (await connect(url)).closed
    const codes = (ended: readonly { readonly error?: unknown }[]) =>
      ended.map(({ error }) => (error as RoomfulError | undefined)?.code)
    expect(codes(traces.connects)).toEqual([undefined, 'full'])
    expect(codes(traces.messages)).toEqual([
      undefined,
      'internal',
      'closed',
      'unknown_type',
      'message_empty',
      undefined,
    ])
    expect(codes(traces.joins)).toEqual([undefined, 'closed'])
    expect(traces.messages[1]?.error).toHaveProperty('cause', fault)
    expect(traces.messages[4]?.traceparent).toBe(traceparent)
  })

  it('a commit that fails is the error of its trace and of its message', async () => {
    const [publishes, messages] = [listen('roomful:publish'), listen('roomful:message')]
    const backplane = memory()
    backplane.publish = () => Promise.reject(new RoomfulError('unavailable'))
    const { url } = await serve({ backplane })
    const ana = await connect(url)
    await ana.join('lobby')
    expect(await ana.refusal({ type: 'chat_message', room_id: 'lobby', message: 'hi' })).toBe('unavailable')
    await until(() => messages.length === 2)
    expect([publishes[0]?.error, messages[1]?.error]).toEqual([
      expect.objectContaining({ code: 'unavailable' }),
      expect.objectContaining({ code: 'unavailable' }),
    ])
  })

  it('a handler runs in the context of its message, whatever other connections send meanwhile', async () => {
    const store = new AsyncLocalStorage<Traces['roomful:message']>()
    const { start } = tracingChannel<unknown, Traces['roomful:message']>('roomful:message')
    start.bindStore(store, (trace) => trace as Traces['roomful:message'])
    onTestFinished(() => void start.unbindStore(store))
    const both = gate()
    const seen: [string, ...unknown[]][] = []
    const { url, server } = await serve({
      protocol,
      on: {
        message: (_, { type }) => void seen.push(['message', type, store.getStore()?.type]),
        join: ({ user }) => void seen.push(['join', user.id === store.getStore()?.userId]),
      },
      handle: {
        async dance({ user, room }) {
          seen.push(['before', user.id === store.getStore()?.userId])
          await both.opened
          await room.publish({ type: 'waved', at: 'all' })
          seen.push(['after', user.id === store.getStore()?.userId])
          return { steps: 3 }
        },
      },
    })
    const clients = [await connect(url), await connect(url)] as const
    for (const client of clients) await client.join('lobby')
    for (const client of clients) client.send({ type: 'dance', ref: 'r' })
    await until(() => seen.filter(([what]) => what === 'before').length === 2)
    both.open()
    for (const client of clients) await client.next('reply')
    const joined = [
      ['message', 'join', 'join'],
      ['join', true],
    ]
    expect(seen.slice(0, 4)).toEqual([...joined, ...joined])
    expect(seen.filter(([what]) => what === 'after')).toEqual([
      ['after', true],
      ['after', true],
    ])
    await server.close()
  })

  it('[A11] the traceparent of a message reaches its hooks and handlers, and nobody else', async () => {
    const seen: unknown[] = []
    const { url, server, log } = await serve({
      protocol,
      on: {
        message: (context, { type }) => void seen.push([`on.message ${type}`, context.traceparent]),
        join: (context) => void seen.push(['on.join', context.traceparent]),
        leave: (context) => void seen.push(['on.leave', context.traceparent]),
      },
      handle: {
        chat_message(context, chat) {
          seen.push(['chat_message', context.traceparent])
          return chat
        },
        dance(context) {
          seen.push(['dance', context.traceparent])
          throw new Error('for the log')
        },
        wave: {
          size: 2,
          handle(items) {
            for (const { context } of items) seen.push(['wave', context.traceparent])
          },
        },
      },
    })
    const [ana, bob] = [await connectExtended(url), await connectExtended(url)]
    await bob.join('lobby')
    seen.length = 0
    await ana.join('lobby', { meta })
    await ana.chat('lobby', 'hi', { meta })
    await ana.refusal({ type: 'dance', meta })
    ana.send({ type: 'wave', at: 'bob', meta })
    ana.send({ type: 'wave', at: 'bob' })
    await ana.ask({ type: 'leave', meta }, 'left')
    expect(seen).toEqual([
      ['on.message join', traceparent],
      ['on.join', traceparent],
      ['on.message chat_message', traceparent],
      ['chat_message', traceparent],
      ['on.message dance', traceparent],
      ['dance', traceparent],
      ['on.message wave', traceparent],
      ['on.message wave', undefined],
      ['wave', traceparent],
      ['wave', undefined],
      ['on.message leave', traceparent],
      ['on.leave', undefined],
    ])
    await bob.next('chat_message')
    await bob.ask({ type: 'history', room_id: 'lobby' }, 'history')
    const { messages } = await server.room('lobby').history()
    const told = [...ana.frames, ...bob.frames, ...messages].map((frame) => JSON.stringify(frame))
    expect(told.length).toBeGreaterThan(10)
    expect([...told, logText(log)].filter((text) => text.includes(TRACE_ID))).toEqual([])
    expect(logText(log)).toContain('for the log')
  })

  it.each([
    ['no object', 'x'],
    ['a list', [traceparent]],
    ['no text', { traceparent: 5 }],
    ['upper case', { traceparent: traceparent.toUpperCase() }],
    ['another version', { traceparent: traceparent.replace('00-', '01-') }],
    ['a trace id of zeros', { traceparent: traceparent.replace(TRACE_ID, '0'.repeat(32)) }],
    ['a parent id of zeros', { traceparent: `00-${TRACE_ID}-${'0'.repeat(16)}-01` }],
    ['more behind it', { traceparent: `${traceparent}-x` }],
    ['another field', { tracestate: 'a=b' }],
  ])('[A11] a meta with %s is ignored, and its message is not', async (_, wrong) => {
    const seen: unknown[] = []
    const { url } = await serve({
      handle: {
        chat_message(context, chat) {
          seen.push(context.traceparent)
          return chat
        },
      },
    })
    const ana = await connect(url)
    await ana.join('lobby')
    await ana.chat('lobby', 'hi', { meta: wrong })
    expect(seen).toEqual([undefined])
  })
})
