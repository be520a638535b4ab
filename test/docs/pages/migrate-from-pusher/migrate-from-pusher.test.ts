import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Pusher from 'pusher'
import PusherClient from 'pusher-js'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { PusherService } from '../../../support/pusher-service.js'
import { TcpProxy } from '../../../support/tcp-proxy.js'
import { enter as enterPusher } from './before-client.js'
import { type Message, serveChat } from './before-server.js'
import { serveBoth } from './both.js'
import { enter as enterRoomful } from './client.js'
import { roomful } from './server.js'
import { lastSeen } from './users.js'

// The clients are those of pages.
beforeEach(() => vi.stubGlobal('WebSocket', WebSocket))
afterEach(() => vi.unstubAllGlobals())

const app = { appId: '1', key: 'key', secret: 'secret' }

async function startService(): Promise<PusherService> {
  const service = await PusherService.start(app)
  onTestFinished(() => service.close())
  return service
}

const pusherOf = ({ port }: PusherService, secret = app.secret) =>
  new Pusher({ ...app, secret, host: '127.0.0.1', port: String(port) })

const optionsOf = (wsPort: number) => ({
  cluster: 'eu',
  wsHost: '127.0.0.1',
  wsPort,
  forceTLS: false,
  enabledTransports: ['ws' as const],
})

async function listen(http: HttpServer): Promise<number> {
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    http.close()
    http.closeAllConnections()
  })
  return (http.address() as AddressInfo).port
}

async function proxyTo(port: number): Promise<TcpProxy> {
  const proxy = await TcpProxy.to(port)
  onTestFinished(() => proxy.close())
  return proxy
}

type Chat = Awaited<ReturnType<typeof enterPusher>> | Awaited<ReturnType<typeof enterRoomful>>
type Enter = (name: string, show: (line: string) => void, port?: number) => Promise<Chat>

const byPusher =
  (chatPort: number, servicePort: number): Enter =>
  (name, show, port = servicePort) =>
    enterPusher(`http://127.0.0.1:${chatPort}`, name, show, app.key, optionsOf(port))

const byRoomful =
  (serverPort: number, path = ''): Enter =>
  (name, show, port = serverPort) =>
    enterRoomful(`ws://127.0.0.1:${port}${path}`, name, show)

async function person(enter: Enter, name: string, port?: number) {
  const lines: string[] = []
  const chat = await enter(name, (line) => lines.push(line), port)
  onTestFinished(() => void chat.leave())
  return { ...chat, lines }
}

/** How to enter the chat, and the port to which its pages connect. */
async function before() {
  const service = await startService()
  const port = await listen(createServer(serveChat(pusherOf(service))))
  service.webhooks = `http://127.0.0.1:${port}/pusher/webhooks`
  return [byPusher(port, service.port), service.port] as const
}

async function after() {
  const server = roomful()
  onTestFinished(() => server.close())
  const { port } = await server.listen({ port: 0, host: '127.0.0.1' })
  return [byRoomful(port), port] as const
}

describe.each([
  ['Pusher', before],
  ['Roomful', after],
])('docs/migrate-from-pusher.md: the chat with %s', (_, start) => {
  it('shows who types, who waves and what is said, to everybody in the room', async () => {
    const [enter] = await start()
    const [ana, bob] = [await person(enter, 'ana'), await person(enter, 'bob')]
    bob.type()
    await expect.poll(() => ana.lines).toEqual(['bob is typing'])
    bob.wave('👋')
    await expect.poll(() => ana.lines.at(-1)).toBe('bob waves 👋')
    await bob.say('hello')
    await expect.poll(() => [ana.lines.at(-1), bob.lines.at(-1)]).toEqual(['bob: hello', 'bob: hello'])
    expect(bob.lines).toEqual(['bob: hello'])
  })

  it('lists who is there, and notes when somebody has left', async () => {
    const [enter] = await start()
    const [ana, dan] = [await person(enter, 'ana'), await person(enter, 'dan')]
    await expect.poll(() => [ana.people().sort(), dan.people().sort()]).toEqual(Array(2).fill(['ana', 'dan']))
    const before = Date.now()
    dan.leave()
    await expect.poll(() => ana.people()).toEqual(['ana'])
    await expect.poll(() => lastSeen.get('dan')).toBeGreaterThanOrEqual(before)
  })

  it('shows what was said before to somebody who comes later', async () => {
    const [enter] = await start()
    const ana = await person(enter, 'ana')
    await ana.say('one')
    await ana.say('two')
    expect((await person(enter, 'bob')).lines).toEqual(['ana: one', 'ana: two'])
  })

  it('shows once what was said while a page had no connection', async () => {
    const [enter, port] = await start()
    const proxy = await proxyTo(port)
    const [ana, bob] = [await person(enter, 'ana', proxy.port), await person(enter, 'bob')]
    await bob.say('one')
    await expect.poll(() => ana.lines).toEqual(['bob: one'])
    proxy.shut()
    await bob.say('two')
    await bob.say('three')
    expect(ana.lines).toEqual(['bob: one'])
    proxy.open()
    await expect.poll(() => ana.lines).toEqual(['bob: one', 'bob: two', 'bob: three'])
    await bob.say('four')
    await expect.poll(() => ana.lines.slice(3)).toEqual(['bob: four'])
  })

  it('lets nobody in whose token it does not know', async () => {
    const [enter] = await start()
    await expect(person(enter, '?')).rejects.toThrow()
  })
})

describe('docs/migrate-from-pusher.md: both at once', () => {
  async function both(service: PusherService, rows?: readonly Message[]) {
    const { http, server } = serveBoth(pusherOf(service), rows)
    onTestFinished(() => server.close())
    const port = await listen(http)
    return { enterBefore: byPusher(port, service.port), enterAfter: byRoomful(port, '/rooms') }
  }

  it('pages of before and new ones get each message once, in one order', async () => {
    const { enterBefore, enterAfter } = await both(await startService())
    const [ana, bob] = [await person(enterBefore, 'ana'), await person(enterAfter, 'bob')]
    for (let n = 0; n < 5; n++) {
      await ana.say(`old ${n}`)
      await bob.say(`new ${n}`)
    }
    const all = Array.from({ length: 5 }, (_, n) => [`ana: old ${n}`, `bob: new ${n}`]).flat()
    await expect.poll(() => ana.lines).toEqual(all)
    await expect.poll(() => bob.lines).toEqual(all)
    expect((await person(enterBefore, 'cyd')).lines).toEqual(all)
  })

  it('a page that was open before the move goes on, and later ones get all that was said', async () => {
    const service = await startService()
    const port = await listen(createServer(serveChat(pusherOf(service))))
    const ana = await person(byPusher(port, service.port), 'ana')
    await ana.say('one')
    await ana.say('two')
    const rows = ['one', 'two'].map((text, n) => ({ id: n + 1, user: 'ana', text }))
    const { enterBefore, enterAfter } = await both(service, rows)
    const bob = await person(enterAfter, 'bob')
    for (let n = 0; n < 60; n++) await bob.say(`new ${n}`)
    const all = ['ana: one', 'ana: two', ...Array.from({ length: 60 }, (_, n) => `bob: new ${n}`)]
    await expect.poll(() => ana.lines).toEqual(all)
    expect((await person(enterBefore, 'cyd')).lines).toEqual(all)
  })
})

describe('the service that stands for Pusher', () => {
  it('refuses an event that is signed with another secret', async () => {
    const stranger = pusherOf(await startService(), 'another secret')
    await expect(stranger.trigger('presence-general', 'message', {})).rejects.toMatchObject({ status: 401 })
  })

  it('refuses a subscription that is signed with another secret', async () => {
    const service = await startService()
    const port = await listen(createServer(serveChat(pusherOf(service, 'another secret'))))
    const page = new PusherClient(app.key, {
      ...optionsOf(service.port),
      channelAuthorization: {
        endpoint: `http://127.0.0.1:${port}/pusher/auth`,
        transport: 'ajax',
        headers: { authorization: 'eve' },
      },
    })
    onTestFinished(() => page.disconnect())
    const refused = new Promise((resolve) => page.connection.bind('error', resolve))
    const channel = page.subscribe('presence-general')
    expect(await refused).toMatchObject({ data: { code: 4009 } })
    expect(channel.subscribed).toBe(false)
  })
})

it('docs/migrate-from-pusher.md: the chat takes no webhook that Pusher has not signed', async () => {
  const port = await listen(createServer(serveChat(pusherOf(await startService()))))
  const event = { name: 'member_removed', channel: 'presence-general', user_id: 'fay' }
  const { status } = await fetch(`http://127.0.0.1:${port}/pusher/webhooks`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-pusher-key': app.key,
      'x-pusher-signature': 'f'.repeat(64),
    },
    body: JSON.stringify({ time_ms: Date.now(), events: [event] }),
  })
  expect([status, lastSeen.has('fay')]).toEqual([401, false])
})
