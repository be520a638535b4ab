import { type BuiltIn, defineProtocol, request, volatile } from '@roomful/protocol'
import { type AnyProtocol, createServer, refuse, type ServerOptions } from '@roomful/server'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import * as z from 'zod/mini'
import { TcpProxy } from '../../../test/support/tcp-proxy.js'
import { type ClientOptions, createClient } from '../src/index.js'
import { reaches, until } from './support/until.js'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function serve<P extends AnyProtocol = BuiltIn>(options: ServerOptions<P> = {}, port = 0) {
  const logger = { debug() {}, info() {}, warn() {}, error() {} }
  const server = createServer<P>({ logger, sessionSecret: 'a secret of thirty-two characters!', ...options })
  const address = await server.listen({ port, host: '127.0.0.1' })
  cleanUps.push(() => server.close({ drainMs: 0 }))
  return { server, port: address.port, url: `ws://127.0.0.1:${address.port}` }
}

function connect<P extends AnyProtocol = BuiltIn>(url: string, options: Partial<ClientOptions<P>> = {}) {
  const client = createClient<P>({ url, WebSocket, backoff: { minMs: 5, baseMs: 20, maxMs: 50 }, ...options })
  cleanUps.push(() => client.close())
  return client
}

describe('a client and a server', () => {
  it('[M1] [M5] a message reaches everyone in the room and is acknowledged', async () => {
    const { url } = await serve()
    const [ana, bob] = [connect(url), connect(url)]
    const heard = new Promise((resolve) => bob.room('general').on('chat_message', resolve))
    await Promise.all([ana.room('general').join(), bob.room('general').join()])
    const sent = ana.room('general').send('hello')
    expect(sent.state).toBe('pending')
    expect(await sent).toMatchObject({ offset: 1, durability: 'memory' })
    expect(await heard).toMatchObject({ message: 'hello', offset: 1, user_id: ana.user.get() })
    expect(ana.room('general').timeline.get()).toMatchObject([
      { state: 'sent', message: { message: 'hello', offset: 1 } },
    ])
  })

  it('[M10] [M11] a connection that is cut again and again loses, doubles and reorders nothing', async () => {
    const { url, port } = await serve()
    const proxy = await TcpProxy.to(port)
    cleanUps.push(() => proxy.close())
    const [ana, bob, reader] = [connect(proxy.url), connect(proxy.url), connect(url)]
    const heard: { offset: number; message: string; user: string }[] = []
    reader
      .room('r')
      .on('chat_message', ({ offset = -1, message, user_id: user }) => heard.push({ offset, message, user }))
    const cutOff: number[] = []
    ana.room('r').on('chat_message', ({ offset = -1 }) => cutOff.push(offset))
    ana.room('r').on('resync', () => cutOff.push(Number.NaN))
    await Promise.all([ana, bob, reader].map((client) => client.room('r').join()))
    const sends: PromiseLike<unknown>[] = []
    for (let i = 0; i < 60; i++) {
      for (const client of [ana, bob]) sends.push(client.room('r').send(String(i)))
      if (i % 12 === 11) {
        proxy.cut()
        await reaches(ana.status, 'backoff')
        await reaches(ana.room('r').status, 'live')
      }
    }
    const results = await Promise.all(sends)
    expect(new Set(results.map((result) => (result as { offset: number }).offset)).size).toBe(120)
    await until(reader.room('r').timeline, (entries) => entries.length === 120)
    await until(ana.room('r').timeline, (entries) => entries.length === 120)
    expect(heard.map(({ offset }) => offset)).toEqual(Array.from({ length: 120 }, (_, index) => index + 1))
    for (const user of [ana.user.get(), bob.user.get()]) {
      const texts = heard.filter((message) => message.user === user).map(({ message }) => Number(message))
      expect(texts).toEqual(Array.from({ length: 60 }, (_, index) => index))
    }
    expect(cutOff).toEqual(heard.map(({ offset }) => offset))
  })

  it('[C10] [H7] a restarted memory server is a break, not a lie; who one is survives it', async () => {
    const first = await serve()
    const client = connect(first.url)
    const room = client.room('r')
    await room.join()
    await room.send('before')
    const me = client.user.get()
    await first.server.close({ drainMs: 0 })
    const written = room.send('meanwhile')
    await serve({}, first.port)
    await written
    expect(client.user.get()).toBe(me)
    expect(room.status.get()).toMatchObject({ state: 'live', recovered: false })
    expect(room.timeline.get()).toMatchObject([
      { message: { message: 'before' }, state: 'sent' },
      { kind: 'break', reason: 'epoch_changed' },
      { message: { message: 'meanwhile' }, state: 'sent' },
    ])
  })

  it('[H4] [H9] a client resumes through many pages, and pages further back', async () => {
    const { url } = await serve({ limits: { messagesPerSecond: Infinity, bytesPerSecond: Infinity } })
    const [writer, reader] = [connect(url).room('r'), connect(url).room('r')]
    await Promise.all([writer.join(), reader.join()])
    await writer.send('first')
    await until(reader.timeline, (entries) => entries.length === 1)
    await reader.leave()
    const sends = Array.from({ length: 400 }, (_, index) => writer.send(`${index} ${'x'.repeat(900)}`))
    await Promise.all(sends)
    const { messages, recovered } = await reader.join()
    expect(recovered).toBe(true)
    expect(messages.map(({ offset }) => offset)).toEqual(Array.from({ length: 400 }, (_, index) => index + 2))
    const room = connect(url).room('r')
    await room.join({ history: 10 })
    let page = await room.history({ limit: 200, before: 392 })
    while (page.more) page = await page.next()
    expect(room.timeline.get()).toHaveLength(401)
  })

  it('[P3] [T1] members, their state and who types', async () => {
    const { url } = await serve()
    const [ana, bob] = [connect(url).room('r'), connect(url).room('r')]
    await Promise.all([ana.join(), bob.join()])
    await until(ana.members, (members) => members.length === 2)
    bob.presence.set({ mood: 'happy' })
    await until(ana.members, (members) => members.some(({ state }) => state?.mood === 'happy'))
    bob.typing.keystroke()
    await until(ana.typing, (users) => users.length === 1)
    void bob.send('done')
    await until(ana.typing, (users) => users.length === 0)
    await bob.leave()
    await until(ana.occupancy, (count) => count === 1)
    expect(ana.members.get()).toHaveLength(1)
  })

  it('[A4] [A7] [A8] application messages: requests, refusals, published and volatile ones', async () => {
    const protocol = defineProtocol({
      client: {
        move: request(z.object({ to: z.string() }), z.object({ legal: z.boolean() })),
        point: z.object({ x: z.number() }),
      },
      server: { moved: z.object({ to: z.string() }), pointed: volatile(z.object({ x: z.number() })) },
    })
    const { url, server } = await serve({
      protocol,
      handle: {
        move: async ({ room }, { to }) => {
          if (to === 'z9') throw refuse('off_board', 'There is no such field')
          await room.publish({ type: 'moved', to })
          return { legal: true }
        },
        point: ({ room }, { x }) => room.broadcast({ type: 'pointed', x }),
      },
    })
    const client = connect(url, { protocol })
    const room = client.room('game')
    const heard: unknown[] = []
    room.on('moved', ({ to, offset }) => heard.push([to, offset]))
    const pointed = new Promise((resolve) => room.on('pointed', ({ x }) => resolve(x)))
    await room.join()
    expect(await room.request('move', { to: 'e4' })).toEqual({ legal: true })
    await expect(room.request('move', { to: 'z9' })).rejects.toMatchObject({
      code: 'off_board',
      message: 'There is no such field',
    })
    expect(room.emit('point', { x: 7 })).toBe(true)
    expect(await pointed).toBe(7)
    expect(heard).toEqual([['e4', 1]])
    const told = new Promise((resolve) => client.on('pointed', ({ x }) => resolve(x)))
    server.broadcast({ type: 'pointed', x: 8 })
    expect(await told).toBe(8)
  })

  it('[J13] the own stream reaches every device of the user, and only those', async () => {
    const protocol = defineProtocol({ server: { notified: z.object({ text: z.string() }) } })
    const { url, server } = await serve({
      protocol,
      authenticate: ({ token }) => (token ? { userId: token } : null),
      authorize: () => true,
    })
    const devices = ['ana', 'ana', 'bob'].map((token) => connect(url, { protocol, token }))
    const heard: string[] = []
    for (const [index, { me }] of devices.entries())
      me.on('notified', ({ text }) => heard.push(`${index} ${text}`))
    await Promise.all(devices.map(({ me }) => me.join()))
    await server.user('ana').publish({ type: 'notified', text: 'hi' })
    await expect.poll(() => heard.length).toBe(2)
    expect(heard.sort()).toEqual(['0 hi', '1 hi'])
  })

  it('[C8] [C12] [C13] tokens: refused ones end it, those that expire are refreshed on the live connection', async () => {
    let issued = 0
    const { url } = await serve({
      authenticate: ({ token }) =>
        token === 'bad' ? null : { userId: 'ana', expiresAt: Date.now() + 1_500 },
      authorize: () => true,
    })
    const refused = connect(url, { token: 'bad', autoConnect: true })
    const told = new Promise((resolve) => refused.on('error', resolve))
    expect(await reaches(refused.status, 'failed')).toMatchObject({
      code: 4500,
      error: { code: 'invalid_token' },
    })
    expect(await told).toMatchObject({ code: 'invalid_token' })
    const reasons: string[] = []
    const client = connect(url, {
      autoConnect: true,
      token: ({ reason }) => {
        reasons.push(reason)
        return `token-${++issued}`
      },
    })
    const refreshed = new Promise((resolve) => client.on('expiring', resolve))
    await reaches(client.status, 'online')
    await refreshed
    await client.room('r').join()
    expect(reasons).toEqual(['connect', 'expiring'])
  })

  it('[C20] a drained server is left and come back to, with what was written meanwhile', async () => {
    const first = await serve()
    const client = connect(first.url)
    const room = client.room('r')
    await room.join()
    const draining = new Promise((resolve) => client.on('draining', resolve))
    const closed = first.server.close({ drainMs: 300 })
    await draining
    const sent = room.send('while it drains')
    await closed
    await serve({}, first.port)
    client.connect()
    expect(await sent).toMatchObject({ durability: 'memory' })
  })

  it('[J12] a kicked member is told', async () => {
    const { server, url } = await serve()
    const client = connect(url)
    const room = client.room('r')
    await room.join()
    await server.room('r').kick(client.user.get() ?? '')
    expect(await reaches(room.status, 'denied')).toMatchObject({ reason: 'Removed from the room' })
  })
})
