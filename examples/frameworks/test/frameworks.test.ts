import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createViteServer } from 'vite'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { connect } from '../../../test/support/connect.js'
import { besideWs } from '../beside-ws.js'
import { withExpress } from '../express.js'
import { withFastify } from '../fastify.js'
import { withHono } from '../hono.js'
import { withKoa } from '../koa.js'
import { roomfulBesideVite } from '../vite.js'

it.each(['beside-ws.ts', 'express.ts', 'fastify.ts', 'hono.ts', 'koa.ts', 'vite.ts'])(
  'docs/frameworks.md shows %s to the letter',
  async (file) => {
    const page = await readFile(new URL('../../../docs/frameworks.md', import.meta.url), 'utf8')
    const source = await readFile(new URL(`../${file}`, import.meta.url), 'utf8')
    expect(page).toContain(`\`\`\`ts\n${source}\`\`\``)
  },
)

const KEY = 'k'.repeat(32)

afterEach(() => void vi.unstubAllEnvs())

/** A member receives what the API publishes, and a route of the framework knows of both. */
async function chatAndPublish(host: string) {
  const ana = await connect(`ws://${host}/ws`)
  await ana.join('lobby')
  const post = (authorization: string) =>
    fetch(`http://${host}/api/rooms/lobby/messages`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify({ message: 'by HTTP' }),
    })
  expect((await post('Bearer wrong')).status).toBe(401)
  expect(await (await post(`Bearer ${KEY}`)).json()).toMatchObject({ offset: 1, duplicate: false })
  expect(await ana.next('chat_message')).toMatchObject({ message: 'by HTTP' })
  const unknown = await fetch(`http://${host}/api/nothing`, { headers: { authorization: `Bearer ${KEY}` } })
  expect([unknown.status, unknown.headers.get('content-type')]).toEqual([404, 'application/problem+json'])
  const info = await (await fetch(`http://${host}/rooms/lobby`)).json()
  expect(info).toMatchObject({ count: 1, head: { offset: 1 } })
  return ana
}

describe('on one port', () => {
  it('ws and Roomful each get their own path', async () => {
    const { http, roomful } = besideWs()
    http.listen(0, '127.0.0.1')
    await once(http, 'listening')
    onTestFinished(async () => {
      await roomful.close()
      http.close()
      http.closeAllConnections()
    })
    const { port } = http.address() as AddressInfo
    const ana = await connect(`ws://127.0.0.1:${port}/ws`)
    await ana.join('lobby')
    const echo = new WebSocket(`ws://127.0.0.1:${port}/echo`)
    onTestFinished(() => echo.terminate())
    await once(echo, 'open')
    echo.send('hello')
    expect(String((await once(echo, 'message'))[0])).toBe('hello')
    await ana.chat('lobby', 'still here')
  })

  it.each([
    ['Express', withExpress],
    ['Hono', withHono],
    ['Koa', withKoa],
  ])('%s answers HTTP, Roomful upgrades and its API', async (_, start) => {
    vi.stubEnv('API_KEY', KEY)
    const { http, roomful } = start()
    http.listen(0, '127.0.0.1')
    await once(http, 'listening')
    onTestFinished(async () => {
      await roomful.close()
      http.close()
      http.closeAllConnections()
    })
    await chatAndPublish(`127.0.0.1:${(http.address() as AddressInfo).port}`)
  })

  it('Fastify answers HTTP, Roomful upgrades and its API; its close ends both', async () => {
    vi.stubEnv('API_KEY', KEY)
    const { app } = withFastify()
    const address = await app.listen({ port: 0, host: '127.0.0.1' })
    const ana = await chatAndPublish(address.replace('http://', ''))
    await app.close()
    expect((await ana.closed).code).toBe(1012)
  })

  it('Vite keeps its own WebSocket', async () => {
    const root = await mkdtemp(join(tmpdir(), 'roomful-vite-'))
    await writeFile(join(root, 'index.html'), '<!doctype html>')
    const vite = await createViteServer({
      root,
      configFile: false,
      logLevel: 'silent',
      server: { host: '127.0.0.1', port: 0 },
      plugins: [roomfulBesideVite()],
    })
    onTestFinished(async () => {
      await vite.close()
      await rm(root, { recursive: true })
    })
    await vite.listen()
    const port = (vite.httpServer?.address() as AddressInfo | undefined)?.port
    const ana = await connect(`ws://127.0.0.1:${port}/ws`)
    await ana.join('lobby')
    const own = new WebSocket(`ws://127.0.0.1:${port}/?token=${vite.config.webSocketToken}`, 'vite-hmr')
    onTestFinished(() => own.terminate())
    expect(JSON.parse(String((await once(own, 'message'))[0]))).toEqual({ type: 'connected' })
    await ana.chat('lobby', 'still here')
  })
})
