import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { connect } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { resolveLimits } from '../../src/api/limits.js'
import { silentLogger } from '../../src/api/logger.js'
import { createHttpServer } from '../../src/server/http-server.js'

async function open(listener: RequestListener, requestMs: number): Promise<[peer: Socket, own: Socket]> {
  const server = createHttpServer(listener, resolveLimits({ requestMs }), silentLogger)
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const peer = connect((server.address() as AddressInfo).port, '127.0.0.1')
  peer.on('error', () => {})
  onTestFinished(() => void peer.destroy())
  const [own] = await once(server, 'connection')
  return [peer, own]
}

/** However it ended: a reset is an error as well. */
function gone(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()))
}

describe('an HTTP server for strangers', () => {
  it('an HTTP server for strangers closes the socket of who asks again and again and reads no answer', async () => {
    const body = Buffer.alloc(1024 * 1024)
    const [peer, own] = await open((_, response) => void response.end(body), 200)
    peer.pause()
    peer.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(50))
    await gone(own)
    expect(own.bytesWritten).toBeLessThan(50 * body.length)
  })

  it('an HTTP server for strangers closes the socket of who drips the body of a request', async () => {
    const [peer, own] = await open((request) => void request.resume(), 200)
    peer.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n')
    const timer = setInterval(() => peer.write('x'), 20)
    onTestFinished(() => clearInterval(timer))
    await gone(own)
  })

  it('an HTTP server for strangers waits as long as a timer can where a limit is longer', () => {
    const server = createHttpServer(() => {}, resolveLimits({ requestMs: 2 ** 36 }), silentLogger)
    const longest = 2 ** 31 - 1
    expect(server).toMatchObject({ headersTimeout: longest, requestTimeout: longest, timeout: longest })
  })

  it('an HTTP server for strangers has no time-out and no bound where the limits are Infinity', () => {
    const never = { requestMs: Number.POSITIVE_INFINITY, httpSockets: Number.POSITIVE_INFINITY }
    const server = createHttpServer(() => {}, resolveLimits(never), silentLogger)
    expect(server).toMatchObject({ headersTimeout: 0, requestTimeout: 0, timeout: 0 })
    expect(server.maxConnections ?? 0).toBe(0)
    server.close()
  })
})
