import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HttpApi, HttpOptions } from '../api/api.js'
import type { Clock } from '../api/contracts/clock.js'
import type { OpenLogReader } from '../api/contracts/log-reader.js'
import type { Logger } from '../api/contracts/logger.js'
import { RoomfulError } from '../api/contracts/roomful-error.js'
import type { ApiServer } from './api-server.js'
import type { BodySource } from './body.js'
import { EventStreams } from './event-streams.js'
import { HttpHandler } from './http-handler.js'
import { bodyOf, requestOf, respond } from './node-request.js'
import { documentRoute } from './openapi.js'
import { requestError } from './problem.js'
import { Router } from './router.js'
import { routes, streamRoute } from './routes.js'

export interface HttpApiDeps {
  readonly server: ApiServer
  readonly openLogReader: OpenLogReader
  readonly clock: Clock
  readonly logger: Logger
  readonly bodyDepth: number
  readonly handlerMs: number
  countAnswer(status: number): void
  /** `readStreams` returns how many streams are open. */
  showApi(readStreams: () => number): void
}

export interface ClosableApi {
  readonly api: HttpApi
  /** Ends the streams. */
  close(): Promise<void>
}

/** The HTTP API of a server, for web-standard requests and for Node's. */
export function httpApi(options: HttpOptions, deps: HttpApiDeps): ClosableApi {
  const { authenticate, bodyBytes = 65_536, bodyMs = 10_000 } = options
  const { streams: most = 1_000, heartbeatMs = 15_000, stalledMs = 30_000 } = options
  const basePath = (options.basePath ?? '/api').replace(/\/+$/, '')
  const { server, openLogReader: open, clock, logger, bodyDepth, handlerMs, countAnswer } = deps
  const streams = new EventStreams({ streams: most, heartbeatMs, stalledMs }, { open, clock, logger })
  deps.showApi(() => streams.size)
  const described = [...routes, streamRoute(streams)]
  const router = new Router([...described, documentRoute(described, basePath)], basePath)
  const limits = { bodyBytes, bodyMs, bodyDepth, handlerMs }
  const handler = new HttpHandler({ server, clock, logger, authenticate, router, limits, countAnswer })
  const api: HttpApi = {
    fetch: (request) => handler.handle(request, webBodyOf(request)),
    node: (request, response) => {
      serve(handler, request, response, heartbeatMs + stalledMs).catch((err: unknown) => {
        logger.error({ err }, 'http: an answer could not be sent')
        response.destroy()
      })
    },
  }
  return { api, close: () => streams.close() }
}

async function serve(
  handler: HttpHandler,
  request: IncomingMessage,
  response: ServerResponse,
  streamIdleMs: number,
): Promise<void> {
  const answer = await answerTo(handler, request)
  // The client has disconnected.
  if (response.destroyed) await answer.body?.cancel()
  else await respond(request, response, answer, streamIdleMs)
}

function answerTo(handler: HttpHandler, request: IncomingMessage): Promise<Response> {
  let asked: ReturnType<typeof requestOf>
  try {
    asked = requestOf(request)
  } catch (cause) {
    const error = requestError('invalid_request', 'The target of this request is not a valid URL')
    return Promise.resolve(handler.refuse(new RoomfulError(error.code, { message: error.message, cause })))
  }
  return handler.handle(asked, bodyOf(request))
}

function webBodyOf({ body }: Request): BodySource {
  return (take) => {
    if (!body) return { done: Promise.resolve(), stop: () => {} }
    const reader = body.getReader()
    const pump = async () => {
      for (;;) {
        const { done, value } = await reader.read()
        if (done) return
        take(value)
      }
    }
    // A failure to cancel concerns a body that nobody wants any more.
    return { done: pump(), stop: () => void reader.cancel().catch(() => {}) }
  }
}
