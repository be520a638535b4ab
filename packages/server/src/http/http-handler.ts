import type { RoomfulError as AnyRoomfulError } from '@roomful/protocol'
import type { HttpAuthentication, HttpRequest } from '../api/api.js'
import type { Clock } from '../api/contracts/clock.js'
import { within } from '../api/contracts/deadline.js'
import type { Logger } from '../api/contracts/logger.js'
import { RoomfulError } from '../api/contracts/roomful-error.js'
import { isRefusal } from '../api/hooks/refuse.js'
import { isPromise } from '../util/maybe-promise.js'
import type { ApiServer } from './api-server.js'
import { type BodyLimits, type BodySource, readJson } from './body.js'
import { methodNotAllowed, problem, requestError } from './problem.js'
import type { Route } from './route.js'
import type { Router } from './router.js'

export interface HttpDeps {
  readonly server: ApiServer
  readonly clock: Clock
  readonly logger: Logger
  readonly authenticate: HttpAuthentication
  readonly router: Router
  readonly limits: HandlerLimits
  countAnswer(status: number): void
}

export interface HandlerLimits extends BodyLimits {
  /** Time limit for `authenticate`, in ms. */
  readonly handlerMs: number
}

const MAX_KEY_LENGTH = 256

/** Answers requests, whichever HTTP server received them. */
export class HttpHandler {
  constructor(private readonly deps: HttpDeps) {}

  /** Never rejects. */
  async handle(request: HttpRequest, body: BodySource): Promise<Response> {
    try {
      return this.#counted(await this.#answer(request, body))
    } catch (error) {
      const answered = isRefusal(error) ? error : new RoomfulError('internal')
      if (answered.code === 'internal') this.deps.logger.error({ err: error }, 'http: a request failed')
      return this.refuse(answered)
    }
  }

  refuse(error: AnyRoomfulError): Response {
    return this.#counted(problem(error))
  }

  #counted(answer: Response): Response {
    this.deps.countAnswer(answer.status)
    return answer
  }

  async #answer(request: HttpRequest, source: BodySource): Promise<Response> {
    const { router, server, limits, clock } = this.deps
    await this.#letIn(request)
    const url = new URL(request.url)
    const match = router.match(request.method, url.pathname)
    if ('allowed' in match) return methodNotAllowed(match.allowed)
    const { route, params } = match
    const key = keyOf(request.headers, route)
    const lastEventId = request.headers.get('last-event-id') ?? undefined
    const body = route.body ? await readJson(source, limits, clock) : undefined
    if (body === undefined && route.body?.isOptional === false)
      throw new RoomfulError('invalid_message', { message: 'The JSON body is missing' })
    const asked = { params, query: url.searchParams, body, key, lastEventId }
    const answer = await route.handle(server, asked)
    if (answer instanceof Response) return request.method === 'HEAD' ? headOf(answer) : answer
    const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' }
    if (!route.answer) return new Response(null, { status: 204 })
    return new Response(JSON.stringify(answer), { headers })
  }

  /** @throws RoomfulError that `authenticate` throws, `not_authenticated`, or `unavailable` if `authenticate` fails or hangs */
  async #letIn(request: HttpRequest): Promise<void> {
    let isLetIn: boolean
    try {
      isLetIn = await this.#authenticate(request)
    } catch (err) {
      if (isRefusal(err)) throw err
      this.deps.logger.error({ err }, 'http: authenticate failed')
      throw new RoomfulError('unavailable', { retryAfterMs: 1_000 })
    }
    if (isLetIn !== true)
      throw new RoomfulError('not_authenticated', {
        message: 'Authentication is required: Authorization: Bearer KEY, with a valid key',
      })
  }

  #authenticate(request: HttpRequest): boolean | Promise<boolean> {
    const { authenticate, clock, limits } = this.deps
    const { handlerMs } = limits
    const answer = authenticate(request)
    if (!isPromise(answer)) return answer
    return within(handlerMs, clock, answer, () => new Error(`authenticate took longer than ${handlerMs} ms`))
  }
}

/** An answer without its body, which nobody would take. */
async function headOf({ body, status, headers }: Response): Promise<Response> {
  await body?.cancel()
  return new Response(null, { status, headers })
}

/** @throws RoomfulError `invalid_request` */
function keyOf(headers: Headers, { isRepeatable }: Route): string | undefined {
  const key = headers.get('idempotency-key')
  if (key === null || !isRepeatable) return undefined
  if (key.length > 0 && key.length <= MAX_KEY_LENGTH) return key
  throw requestError('invalid_request', `Idempotency-Key must have 1 to ${MAX_KEY_LENGTH} characters`)
}
