import type { IncomingMessage, ServerResponse } from 'node:http'

/** A request as `authenticate` sees it: without its body, which is read only afterwards. */
export interface HttpRequest {
  readonly method: string
  /** The host is what the client sent, and proves nothing. */
  readonly url: string
  readonly headers: Headers
}

/**
 * Returns true to let a request in. If it throws a RoomfulError, such as that of `refuse('plan_ended', 'Please renew')`,
 * this is the answer. Any other throw, and no answer within `limits.handlerMs`, counts as an outage: 503.
 */
export type HttpAuthentication = (request: HttpRequest) => boolean | PromiseLike<boolean>

export interface HttpOptions {
  /** Path at which the API is mounted, as written in URLs. @default '/api' */
  readonly basePath?: string
  /** Decides who may call. Whoever may can do everything that your server can. `bearer(key)` asks for a key. */
  readonly authenticate: HttpAuthentication
  /** Largest body of a request, in bytes; a larger one gets 413. @default 65_536 */
  readonly bodyBytes?: number
  /** Time within which a body must arrive, in ms; a slower one gets 408. @default 10_000 */
  readonly bodyMs?: number
  /** Maximum number of open streams; a request for another one gets 503. @default 1_000 */
  readonly streams?: number
  /** Time without events after which a comment is sent, in ms, so that the stream does not look dead. @default 15_000 */
  readonly heartbeatMs?: number
  /** Time after which a stream whose client reads nothing is ended, in ms. The client can resume. @default 30_000 */
  readonly stalledMs?: number
}

/** The HTTP API, for any HTTP server. Both functions work without `this`. */
export interface HttpApi {
  /** For Hono, Bun, Deno, Next.js and others with `Request` and `Response`. Never rejects. */
  readonly fetch: (request: Request) => Promise<Response>
  /** For Node's HTTP server and Express. Mount it before body parsers. Never throws. */
  readonly node: (request: IncomingMessage, response: ServerResponse) => void
}
