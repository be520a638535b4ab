import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createViteServer } from 'vite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { connect } from '../../../test/support/connect.js'
import { besideWs } from '../beside-ws.js'
import { withFastify } from '../fastify.js'
import { roomfulBesideVite } from '../vite.js'

it.each(['beside-ws.ts', 'fastify.ts', 'vite.ts'])(
  'docs/frameworks.md shows %s to the letter',
  async (file) => {
    const page = await readFile(new URL('../../../docs/frameworks.md', import.meta.url), 'utf8')
    const source = await readFile(new URL(`../${file}`, import.meta.url), 'utf8')
    expect(page).toContain(`\`\`\`ts\n${source}\`\`\``)
  },
)

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

  it('Fastify answers HTTP, Roomful upgrades; its close ends both', async () => {
    const { app } = withFastify()
    const address = await app.listen({ port: 0, host: '127.0.0.1' })
    const ana = await connect(`${address.replace('http', 'ws')}/ws`)
    await ana.join('lobby')
    expect(await (await fetch(`${address}/rooms/lobby`)).json()).toMatchObject({ count: 1 })
    expect((await fetch(`${address}/rooms/%40me`)).status).toBe(400)
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
