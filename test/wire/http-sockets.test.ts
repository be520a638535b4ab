import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { describe, expect, it, onTestFinished } from 'vitest'
import { selfSigned } from '../support/certificate.js'
import { connect } from '../support/connect.js'
import { connectRaw } from '../support/wire-raw.js'
import { serve } from '../support/wire-server.js'

/** Writes a piece each time that a little time has passed, for as long as it is let. */
function drip(socket: Socket, piece: string): void {
  const timer = setInterval(() => socket.write(piece), 20)
  socket.once('close', () => clearInterval(timer))
}

/** Resolves when the socket has closed, also after a reset. */
function gone(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()))
}

const KINDS: Readonly<Record<string, (socket: Socket) => void>> = {
  'says nothing': () => {},
  'begins a request and stops': (socket) => void socket.write('GET / HTTP/1.1\r\nHost: x\r\n'),
  'drips headers': (socket) => {
    socket.write('GET / HTTP/1.1\r\n')
    drip(socket, 'X-A: b\r\n')
  },
}

describe('a socket that is no WebSocket', () => {
  it.each(Object.entries(KINDS))(
    'a socket that is no WebSocket and %s is closed after limits.requestMs',
    async (_, misbehave) => {
      const { port, url } = await serve({ limits: { requestMs: 300 } })
      const socket = await connectRaw(port)
      socket.resume()
      const closed = gone(socket)
      misbehave(socket)
      await connect(url)
      await closed
    },
  )

  it('a socket that is no WebSocket and stops in its TLS handshake is closed after limits.requestMs', async () => {
    const { createServer, silentLogger } = await import('@roomful/server')
    const { key, cert } = await selfSigned()
    const server = createServer({ logger: silentLogger, limits: { requestMs: 300 } })
    onTestFinished(() => server.close())
    const { port, url } = await server.listen({ port: 0, tls: { key, cert } })
    const closed = gone(await connectRaw(port))
    await connect(url, { ca: cert })
    await closed
    const silent = connectTls({ port, ca: cert, host: '127.0.0.1' })
    silent.on('error', () => {})
    await gone(silent.resume())
  })

  it('a socket that is no WebSocket does not stay as a WebSocket whose time is over: that one is alive for as long as it likes', async () => {
    const { url } = await serve({ limits: { requestMs: 200 } })
    const ana = await connect(url)
    const silent = await connectRaw(Number(new URL(url).port))
    // Both came at the same time: when the one is gone, the other has outlived its request.
    await gone(silent.resume())
    await ana.join('lobby')
  })

  it('a socket that is no WebSocket is dropped beyond limits.httpSockets, which is logged once, and gives its place back', async () => {
    const { port, url, log } = await serve({ limits: { connections: 1, httpSockets: 2, requestMs: 60_000 } })
    const held = await Promise.all([connectRaw(port), connectRaw(port), connectRaw(port)])
    for (let n = 0; n < 3; n++) await gone((await connectRaw(port)).resume())
    expect(log.filter(({ event }) => event.includes('limits.httpSockets'))).toHaveLength(1)
    for (const socket of held) {
      socket.destroy()
      await gone(socket)
    }
    await expect.poll(() => connect(url)).toBeDefined()
  })
})
