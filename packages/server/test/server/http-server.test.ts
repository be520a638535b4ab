import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { connect } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { silentLogger } from '../../src/api/contracts/logger.js'
import { resolveLimits } from '../../src/api/options/limits.js'
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

/** Resolves when the socket has closed, also after a reset. */
function gone(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()))
}

describe('an HTTP server for strangers', () => {
  it('an HTTP server for strangers closes the socket of who asks a few times and reads no answer', async () => {
    const body = Buffer.alloc(4 * 1024 * 1024)
    const [peer, own] = await open((_, response) => void response.end(body), 200)
    peer.pause()
    peer.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(10))
    await gone(own)
    expect(own.bytesWritten).toBeLessThan(10 * body.length)
  })

  it('an HTTP server for strangers makes ten answers at most for who reads none of thousands, and drops the socket', async () => {
    const body = Buffer.alloc(10_000)
    let bytes = 0
    const answer: RequestListener = (_, response) => {
      bytes += body.length
      response.end(body)
    }
    const [peer, own] = await open(answer, 60_000)
    peer.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(5_000))
    await gone(own)
    expect(bytes).toBe(10 * body.length)
  })

  it('an HTTP server for strangers answers ten requests that were sent at once, and ten more', async () => {
    const body = Buffer.alloc(10_000)
    const [peer] = await open((_, response) => void response.end(body), 60_000)
    let read = 0
    for (const answers of [10, 20]) {
      peer.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(10))
      while (read < answers * body.length) read += (await once(peer, 'data'))[0].length
    }
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
