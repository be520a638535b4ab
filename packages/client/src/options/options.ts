import type { BuiltIn, Protocol } from '@roomful/protocol'
import type { Meta, StoredOutbox } from './stored-outbox.js'

export type AnyProtocol = Protocol<object, object>

/** Why the client asks for a token. */
export type TokenReason = 'connect' | 'reconnect' | 'expired' | 'expiring' | 'invalid'

export type TokenGetter = (why: { readonly reason: TokenReason }) => string | Promise<string>

/**
 * Receives the warnings and errors that no caller gets: `console`, or your own. pino wants its fields first: `{ warn:
 * (message, err) => log.warn({ err }, message), error: (message, err) => log.error({ err }, message) }`.
 */
export interface Logger {
  warn(message: string, details?: unknown): void
  error(message: string, details?: unknown): void
}

export interface Timeouts {
  /** Time for the token getter to settle, in ms; then it is called again after a back-off. @default 10_000 */
  readonly tokenMs: number
  /** Time for the socket to open, in ms; then the client connects again after a back-off. @default 10_000 */
  readonly dialMs: number
  /**
   * Time for the server to send `system` and to authenticate, in ms; then the client connects again.
   * @default 10_000
   */
  readonly authMs: number
  /** Time for the answer to a request, in ms; then it rejects with `timeout`. @default 10_000 */
  readonly requestMs: number
}

export interface Backoff {
  /** Shortest wait, in ms. @default 100 */
  readonly minMs: number
  /** Longest wait before the second attempt, in ms; it doubles with each failure. @default 500 */
  readonly baseMs: number
  /** Longest wait of all, in ms. @default 20_000 */
  readonly maxMs: number
}

export const DEFAULT_BACKOFF: Backoff = { minMs: 100, baseMs: 500, maxMs: 20_000 }

export interface HeartbeatOptions {
  /** Time between pings, in ms. @default the value in the server's `system`, else 25_000 */
  readonly intervalMs: number
  /** A later pong makes the connection `degraded`, in ms. @default 3_000 */
  readonly overdueMs: number
  /** A later pong ends the connection, in ms. @default 10_000 */
  readonly deadMs: number
}

export const DEFAULT_HEARTBEAT: HeartbeatOptions = { intervalMs: 25_000, overdueMs: 3_000, deadMs: 10_000 }

/** The constructor of a WebSocket, as in browsers and in `ws`. */
export type WebSocketConstructor = new (url: string) => object

export interface OutboxLimits {
  /** Maximum number of unacknowledged messages; one more `send` rejects with `outbox_full`. @default 500 */
  readonly maxMessages: number
  /** Maximum bytes of those messages, as UTF-16; one more `send` rejects with `outbox_full`. @default 1_048_576 */
  readonly maxBytes: number
  /** Maximum number of messages in flight; others wait for an acknowledgement. @default 32 */
  readonly window: number
}

export interface ClientOptions<P extends AnyProtocol = BuiltIn> {
  /**
   * The server: `ws:`, `wss:`, `http:` or `https:`, or a path such as `/ws` on the server of the page. Without a
   * page, as in Node or while a server renders, a client with a path cannot connect.
   */
  readonly url: string | URL
  /** The result of `defineProtocol`. @default only the built-in messages */
  readonly protocol?: P | undefined
  /** A token, or a function that fetches one before each connection. @default anonymous */
  readonly token?: string | TokenGetter | undefined
  /**
   * Where an anonymous user's identity is stored: `tab` keeps it across reloads (sessionStorage), `memory` until the
   * page closes.
   * @default 'tab' if there is a sessionStorage, else 'memory'
   */
  readonly session?: 'tab' | 'memory' | undefined
  /**
   * Keeps unacknowledged messages across reloads: `localOutbox()`, or `storedOutbox(yours)`.
   * @default none: they are lost with the page
   */
  readonly storage?: StoredOutbox | undefined
  readonly outbox?: Partial<OutboxLimits> | undefined
  readonly timeouts?: Partial<Timeouts> | undefined
  readonly backoff?: Partial<Backoff> | undefined
  readonly heartbeat?: Partial<HeartbeatOptions> | undefined
  /**
   * Returns the trace of what the application is doing, for the server's traces: `{ traceparent }` of W3C Trace
   * Context. Called by each `send`, `request` and `emit`; the message carries it, also when it is sent later or again.
   * @default none
   */
  readonly meta?: (() => Meta | undefined) | undefined
  /** The WebSocket class to use, such as that of `ws` on Node 20. @default the global one */
  readonly WebSocket?: WebSocketConstructor | undefined
  /** `true` connects at once, `false` only with `connect()`. @default with the first `join()` */
  readonly autoConnect?: boolean | undefined
  /** @default console */
  readonly logger?: Logger | undefined
}
