import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { SecureContextOptions } from 'node:tls'
import { MAX_TIMER_MS } from '../api/clock.js'
import type { Limits } from '../api/limits.js'
import type { Logger } from '../api/logger.js'

/** How much of the time that a request may take passes between two looks at who is late. */
const CHECKS_PER_REQUEST = 10
const MINUTE_MS = 60_000

/**
 * An HTTP server that strangers may reach: whoever is silent, drips a request or does not read its answer is gone
 * after `limits.requestMs`, and sockets that are no WebSocket are bounded.
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
  const server = tls
    ? createTlsServer({ ...options, ...tls, ...(timeoutMs > 0 && { handshakeTimeout: timeoutMs }) }, listener)
    : createServer(options, listener)
  // For who asks and does not read: an upgrade ends it.
  server.setTimeout(timeoutMs)
  if (finite(httpSockets + connections)) server.maxConnections = httpSockets + connections
  server.on('drop', droppedOnceAMinute(logger))
  return server
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
