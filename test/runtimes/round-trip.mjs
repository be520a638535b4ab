// What a program needs of its runtime: run by `npm run test:runtimes` under Node, Bun and Deno, from the built packages.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@roomful/client'
import { bearer, createServer, memory } from '@roomful/server'
import { createRest } from '@roomful/server/rest'
import { WebSocket } from 'ws'

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const KEY = 'k'.repeat(32)
const open = []

function enter(url, room, options = {}) {
  const client = createClient({ url, session: 'memory', logger: silent, WebSocket, ...options })
  open.push(() => client.close())
  return client.room(room)
}

async function serve(options = {}) {
  const server = createServer({ backplane: memory(), logger: silent, ...options })
  open.push(() => server.close())
  const { url } = await server.listen({ port: 0 })
  return { server, url }
}

function next(room, type) {
  return new Promise((resolve) => {
    const off = room.on(type, (event) => {
      off()
      resolve(event)
    })
  })
}

/** Resolves once it is true, or fails with the run's time limit. */
async function until(isTrue) {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 20))
}

const CHECKS = {
  async 'client: its own WebSocket'() {
    const { url } = await serve()
    const room = enter(url, 'general', { WebSocket: globalThis.WebSocket })
    await room.join()
    assert.equal((await room.send('Hello')).offset, 1)
  },
  async 'server: rooms'() {
    const { url } = await serve()
    const [ana, bob] = [enter(url, 'general'), enter(url, 'general')]
    await ana.join()
    await bob.join()
    const heard = next(bob, 'chat_message')
    await ana.send('Hello')
    assert.equal((await heard).message, 'Hello')
  },
  async 'server: resume after a cut'() {
    const sockets = []
    class Cuttable extends WebSocket {
      constructor(url) {
        super(url)
        sockets.push(this)
      }
    }
    const { server, url } = await serve()
    const room = enter(url, 'general', { WebSocket: Cuttable })
    await room.join()
    const heard = []
    room.on('chat_message', ({ message }) => heard.push(message))
    await server.room('general').chat.send('before')
    await until(() => heard.length === 1)
    sockets[0].terminate()
    await server.room('general').chat.send('meanwhile')
    await until(() => heard.length === 2)
    assert.deepEqual(heard, ['before', 'meanwhile'])
  },
  async 'server: attached to node:http, with the HTTP API'() {
    const server = createServer({ backplane: memory(), logger: silent })
    open.push(() => server.close())
    const api = server.http({ authenticate: bearer(KEY) })
    const http = createHttpServer(api.node)
    server.attach(http, { path: '/ws' })
    http.listen(0, '127.0.0.1')
    await once(http, 'listening')
    open.push(() => http.close())
    const base = `127.0.0.1:${http.address().port}`
    const room = enter(`ws://${base}/ws`, 'general')
    await room.join()
    const heard = next(room, 'chat_message')
    await createRest({ url: `http://${base}/api`, key: KEY })
      .room('general')
      .chat.send('By HTTP')
    assert.equal((await heard).message, 'By HTTP')
  },
  async 'server: messages on disk, with node:sqlite'() {
    const { sqlite } = await import('@roomful/server/sqlite')
    const folder = mkdtempSync(join(tmpdir(), 'roomful-runtime-'))
    open.push(() => rmSync(folder, { recursive: true, force: true }))
    const file = join(folder, 'chat.db')
    const driver = 'node:sqlite'
    const first = await serve({ backplane: sqlite({ file, driver }) })
    await first.server.room('general').chat.send('kept')
    await first.server.close()
    const { server } = await serve({ backplane: sqlite({ file, driver }) })
    assert.equal((await server.room('general').history()).messages[0].message, 'kept')
  },
  async 'server: close'() {
    const { server, url } = await serve()
    await enter(url, 'general').join()
    await server.close()
  },
}

const name = process.argv[2]
if (name) {
  await CHECKS[name]()
  for (const close of open.reverse()) await close()
  console.log('passed')
  process.exit()
} else console.log(JSON.stringify(Object.keys(CHECKS)))
