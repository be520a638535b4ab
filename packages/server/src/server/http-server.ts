import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { SecureContextOptions } from 'node:tls'
import { MAX_TIMER_MS } from '../api/clock.js'
import type { Limits } from '../api/limits.js'
import type { Logger } from '../api/logger.js'

/** How much of the time that a request may take passes between two looks at who is late. */
const CHECKS_PER_REQUEST = 10
const MINUTE_MS = 60_000
/** Requests of one socket that may wait for their answers to be read. */
const PIPELINED = 10

/**
 * An HTTP server that strangers may reach: whoever is silent, drips a request or does not read its answer is gone
 * after `limits.requestMs`, and sockets that are no WebSocket are bounded, as is what one of them may ask for at once.
 */
export function createHttpServer(
  listener: RequestListener,
  limits: Limits,
  logger: Logger,
  tls?: SecureContextOptions,
): Server {
  const { requestMs, httpSockets, connections } = limits
  // Late by one check at the most: so they are gone in time.
  const checkMs = timer(Math.ceil(requestMs / CHECKS_PER_REQUEST))
  const timeoutMs = timer(Math.max(1, Math.floor(requestMs - checkMs)))
  const options = {
    headersTimeout: timeoutMs,
    requestTimeout: timeoutMs,
    ...(checkMs > 0 && { connectionsCheckingInterval: checkMs }),
  }
  const bounded = boundPipelines(listener)
  const server = tls
    ? createTlsServer({ ...options, ...tls, ...(timeoutMs > 0 && { handshakeTimeout: timeoutMs }) }, bounded)
    : createServer(options, bounded)
  // For who asks and does not read: an upgrade ends it.
  server.setTimeout(timeoutMs)
  if (finite(httpSockets + connections)) server.maxConnections = httpSockets + connections
  server.on('drop', droppedOnceAMinute(logger))
  return server
}

/** Drops a socket that asks and asks and reads nothing: each answer would be kept for it, thousands a socket. */
function boundPipelines(listener: RequestListener): RequestListener {
  const unread = new WeakMap<Socket, number>()
  return (request, response) => {
    const { socket } = request
    const count = (unread.get(socket) ?? 0) + 1
    if (count > PIPELINED) {
      socket.destroy()
      return
    }
    unread.set(socket, count)
    response.once('close', () => unread.set(socket, (unread.get(socket) ?? 1) - 1))
    listener(request, response)
  }
}

/** As Node writes "never". */
function finite(value: number): number {
  return value === Number.POSITIVE_INFINITY ? 0 : value
}

/** A time as Node takes it: 0 is never. */
function timer(ms: number): number {
  return Math.min(finite(ms), MAX_TIMER_MS)
}

/** Whoever opens sockets by the thousand must not fill the log as well. */
function droppedOnceAMinute(logger: Logger): () => void {
  let quietUntil = Number.NEGATIVE_INFINITY
  return () => {
    const now = performance.now()
    if (now < quietUntil) return
    quietUntil = now + MINUTE_MS
    logger.warn({}, 'sockets are dropped: more than limits.httpSockets are no WebSocket')
  }
}
