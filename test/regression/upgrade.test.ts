import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo, Server } from 'node:net'
import { connect as connectTcp } from 'node:net'
import { createServer } from '@roomful/server'
import { describe, expect, it, onTestFinished } from 'vitest'
import { connect, refusedStatus } from '../support/connect.js'
import { connectRaw } from '../support/wire-raw.js'
import { logInto, serve, until } from '../support/wire-server.js'

const UPGRADE = (path: string) =>
  `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'

async function portOf(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

describe('an upgrade', () => {
  it('an upgrade to a path that nobody serves, reset by its peer, does not end the process', async () => {
    const { port, url } = await serve()
    for (let round = 0; round < 5; round++) {
      const socket = await connectRaw(port)
      socket.write(UPGRADE('/elsewhere'))
      await once(socket, 'data')
      socket.resetAndDestroy()
    }
    await connect(url)
  })

  it('an upgrade that every listener leaves to another one, reset by its peer, does not end the process', async () => {
    const http = createHttpServer()
    const roomful = createServer({ logger: logInto([]) })
    onTestFinished(() => roomful.close())
    roomful.attach(http, { path: '/ws' })
    const upgraded = new Promise<void>((resolve) => http.on('upgrade', () => resolve()))
    const port = await portOf(http)
    const socket = await connectRaw(port)
    const left = new Promise((resolve) => http.on('upgrade', (_, peer) => peer.on('close', resolve).resume()))
    socket.write(UPGRADE('/elsewhere'))
    await upgraded
    socket.resetAndDestroy()
    await left
    await connect(`ws://127.0.0.1:${port}/ws`)
  })

  it('[C17] an upgrade that was refused leaves no socket behind, though its peer keeps its side open', async () => {
    const http = createHttpServer()
    const roomful = createServer({ logger: logInto([]), limits: { connections: 1 } })
    onTestFinished(() => roomful.close())
    roomful.attach(http, { path: '/ws' })
    const port = await portOf(http)
    const sockets = new Set<unknown>()
    http.on('connection', (socket) => {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
    })
    await connect(`ws://127.0.0.1:${port}/ws`)
    for (const path of ['/ws', '/elsewhere']) {
      const peer = connectTcp({ port, host: '127.0.0.1', allowHalfOpen: true })
      peer.on('error', () => {})
      onTestFinished(() => void peer.destroy())
      peer.write(UPGRADE(path))
      await once(peer, 'data')
    }
    await until(() => sockets.size === 1)
  })

  it('an upgrade is answered with 404 too where two Roomful servers share the port and neither serves the path', async () => {
    const http = createHttpServer()
    for (const path of ['/one', '/two']) {
      const roomful = createServer({ logger: logInto([]) })
      onTestFinished(() => roomful.close())
      roomful.attach(http, { path })
    }
    const port = await portOf(http)
    expect(await refusedStatus(`ws://127.0.0.1:${port}/three`)).toBe(404)
    await connect(`ws://127.0.0.1:${port}/two`)
  })

  it('an upgrade cannot have two answers: attaching to a path twice is a mistake that is told at once', async () => {
    const http = createHttpServer()
    const [first, second] = [createServer({ logger: logInto([]) }), createServer({ logger: logInto([]) })]
    onTestFinished(() => second.close())
    first.attach(http, { path: '/ws' })
    expect(() => first.attach(http, { path: '/ws' })).toThrow(/'\/ws'/)
    expect(() => second.attach(http, { path: '/ws' })).toThrow(/'\/ws'/)
    await first.close()
    second.attach(http, { path: '/ws' })
    await connect(`ws://127.0.0.1:${await portOf(http)}/ws`)
  })
})
