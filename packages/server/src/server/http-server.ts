import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { SecureContextOptions } from 'node:tls'
import { MAX_TIMER_MS } from '../api/contracts/clock.js'
import type { Logger } from '../api/contracts/logger.js'
import type { Limits } from '../api/options/limits.js'

/** How many checks for late sockets there are within the time-out of a request. */
const CHECKS_PER_REQUEST = 10
const MINUTE_MS = 60_000
/** Requests of one socket that may wait for their answers to be read. */
const PIPELINED = 10

/**
 * An HTTP server for strangers. A socket that is silent, sends its request too slowly or does not read its answer is
 * closed after `limits.requestMs`. The number of sockets that are not WebSockets is limited, and so are the requests
 * that one of them may pipeline.
 */
export function createHttpServer(
  listener: RequestListener,
  limits: Limits,
  logger: Logger,
  tls?: SecureContextOptions,
): Server {
  const { requestMs, httpSockets, connections } = limits
  // A socket is late by one check at most, so the time-out is shortened by that.
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
  // For sockets that send requests and do not read; an upgrade ends it.
  server.setTimeout(timeoutMs)
  if (finite(httpSockets + connections)) server.maxConnections = httpSockets + connections
  server.on('drop', droppedOnceAMinute(logger))
  return server
}

/**
 * Drops a socket that keeps sending requests and reads nothing: each answer would be kept in memory, thousands per
 * socket.
 */
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

/** Node's value for "never". */
function finite(value: number): number {
  return value === Number.POSITIVE_INFINITY ? 0 : value
}

/** A time-out for Node, where 0 means never. */
function timer(ms: number): number {
  return Math.min(finite(ms), MAX_TIMER_MS)
}

/** Limited, so that a peer that opens sockets by the thousand cannot fill the log as well. */
function droppedOnceAMinute(logger: Logger): () => void {
  let quietUntil = Number.NEGATIVE_INFINITY
  return () => {
    const now = performance.now()
    if (now < quietUntil) return
    quietUntil = now + MINUTE_MS
    logger.warn({}, 'sockets are dropped: more than limits.httpSockets are not WebSockets')
  }
}
