import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { enter as enterSocketIo } from './before-client.js'
import { serveSocketIo } from './before-server.js'
import { serveBoth } from './both.js'
import { enter as enterRoomful } from './client.js'
import { roomful } from './server.js'

// The clients are those of pages.
beforeEach(() => vi.stubGlobal('WebSocket', WebSocket))
afterEach(() => vi.unstubAllGlobals())

type Enter = typeof enterSocketIo | typeof enterRoomful

async function person(enter: Enter, url: string, name: string) {
  const lines: string[] = []
  const chat = await enter(url, name, (line) => lines.push(line))
  onTestFinished(() => void chat.leave())
  return { ...chat, lines }
}

async function listen(http: HttpServer): Promise<number> {
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  return (http.address() as AddressInfo).port
}

it.each([
  [
    'Socket.IO',
    async () => {
      const http = createServer()
      const io = serveSocketIo(http)
      onTestFinished(() => void io.close())
      return [enterSocketIo, `http://127.0.0.1:${await listen(http)}`] as const
    },
  ],
  [
    'Roomful',
    async () => {
      const server = roomful()
      onTestFinished(() => server.close())
      return [enterRoomful, (await server.listen({ port: 0, host: '127.0.0.1' })).url] as const
    },
  ],
])(
  'docs/migrate-from-socketio.md: the chat with %s: messages, typing, and a question with an answer',
  async (_, start) => {
    const [enter, url] = await start()
    const [ana, bob] = [await person(enter, url, 'ana'), await person(enter, url, 'bob')]
    bob.type()
    await expect.poll(() => ana.lines).toEqual(['bob is typing'])
    await bob.say('hello')
    await expect.poll(() => [ana.lines.at(-1), bob.lines.at(-1)]).toEqual(['bob: hello', 'bob: hello'])
    expect([await bob.vote('tea'), await bob.vote('tea')]).toEqual([1, 2])
    await expect.poll(() => ana.lines.slice(-2)).toEqual(['tea has 1', 'tea has 2'])
    expect(bob.lines).toEqual(['bob: hello'])
  },
)

it('docs/migrate-from-socketio.md: both on one port: pages of before and new ones get each message once, in one order', async () => {
  const { http, server, io } = serveBoth()
  const port = await listen(http)
  onTestFinished(async () => {
    await io.close()
    await server.close()
  })
  const before = await person(enterSocketIo, `http://127.0.0.1:${port}`, 'ana')
  const after = await person(enterRoomful, `ws://127.0.0.1:${port}/rooms`, 'bob')
  for (let n = 0; n < 5; n++) {
    await before.say(`old ${n}`)
    await after.say(`new ${n}`)
  }
  const all = Array.from({ length: 5 }, (_, n) => [`ana: old ${n}`, `bob: new ${n}`]).flat()
  await expect.poll(() => before.lines).toEqual(all)
  await expect.poll(() => after.lines).toEqual(all)
})
