import type { BuiltIn, Protocol } from '@roomful/protocol'
import type { TokenReason } from '../connection/connection-state.js'
import { DEFAULT_HEARTBEAT, type HeartbeatOptions } from '../connection/heartbeat.js'
import { type Backoff, DEFAULT_BACKOFF } from '../connection/retry.js'
import type { WebSocketConstructor } from '../connection/socket.js'
import type { StoredOutbox } from '../outbox/stored-outbox.js'
import * as say from '../runtime/strings.js'
import { checkOptions } from './check-options.js'

export type AnyProtocol = Protocol<object, object>

export type TokenGetter = (why: { readonly reason: TokenReason }) => string | Promise<string>

/**
 * Where warnings and errors go that no caller gets: `console`, or your own. pino wants its fields first:
 * `{ warn: (message, err) => log.warn({ err }, message), error: (message, err) => log.error({ err }, message) }`.
 */
export interface Logger {
  warn(message: string, details?: unknown): void
  error(message: string, details?: unknown): void
}

export interface Timeouts {
  /** For the token getter to settle, in ms; then it is asked anew after a back-off. @default 10_000 */
  readonly tokenMs: number
  /** For the socket to open, in ms; then the client dials anew after a back-off. @default 10_000 */
  readonly dialMs: number
  /** For the server to say hello and to authenticate, in ms; then the client dials anew. @default 10_000 */
  readonly authMs: number
  /** For the answer to a request, in ms; then it rejects with `timeout`. @default 10_000 */
  readonly requestMs: number
}

export interface OutboxLimits {
  /** Messages that wait for their acknowledgement; a further `send` rejects with `outbox_full`. @default 500 */
  readonly maxMessages: number
  /** Bytes of those messages, as UTF-16; a further `send` rejects with `outbox_full`. @default 1_048_576 */
  readonly maxBytes: number
  /** Messages in flight at a time; more wait for an acknowledgement. @default 32 */
  readonly window: number
}

export interface ClientOptions<P extends AnyProtocol = BuiltIn> {
  /**
   * The server: `ws:`, `wss:`, `http:` or `https:`, or a path such as `/ws` on the server of the page. Where there is no
   * page, as in Node or while a server renders, a client with a path cannot connect.
   */
  readonly url: string | URL
  /** What `defineProtocol` returned. @default the built-in messages alone */
  readonly protocol?: P | undefined
  /** A token, or what fetches one before each connection. @default anonymous */
  readonly token?: string | TokenGetter | undefined
  /**
   * Where an anonymous user's identity lives: `tab` keeps it over reloads (sessionStorage), `memory` until the page goes.
   * @default 'tab' where there is a sessionStorage, else 'memory'
   */
  readonly session?: 'tab' | 'memory' | undefined
  /** Keeps unacknowledged messages over reloads: `localOutbox()`, or `storedOutbox(yours)`. @default none: they go with the page */
  readonly storage?: StoredOutbox | undefined
  readonly outbox?: Partial<OutboxLimits> | undefined
  readonly timeouts?: Partial<Timeouts> | undefined
  readonly backoff?: Partial<Backoff> | undefined
  readonly heartbeat?: Partial<HeartbeatOptions> | undefined
  /** The WebSocket to use, such as that of `ws` on Node 20. @default the global one */
  readonly WebSocket?: WebSocketConstructor | undefined
  /** `true` connects at once, `false` only with `connect()`. @default with the first `join()` */
  readonly autoConnect?: boolean | undefined
  /** @default console */
  readonly logger?: Logger | undefined
}

/** Options with all defaults filled in. */
export interface Settings {
  readonly url: string
  /** The URL as it was given, if it is a path and there is no page that it could be on. */
  readonly pathAlone: string | undefined
  /** Names what is stored for this server: its URL, without a token in the query. */
  readonly storageName: string
  readonly protocol: AnyProtocol | undefined
  readonly token: string | TokenGetter | undefined
  readonly keepsSession: boolean
  readonly storage: StoredOutbox | undefined
  readonly outbox: OutboxLimits
  readonly timeouts: Timeouts
  readonly backoff: Backoff
  readonly heartbeat: HeartbeatOptions
  /** Whether the interval is the application's, so that the server's hello does not replace it. */
  readonly fixedHeartbeat: boolean
  readonly WebSocket: WebSocketConstructor | undefined
  readonly autoConnect: boolean | undefined
  readonly logger: Logger
}

const DEFAULTS = {
  outbox: { maxMessages: 500, maxBytes: 2 ** 20, window: 32 } satisfies OutboxLimits,
  timeouts: { tokenMs: 10_000, dialMs: 10_000, authMs: 10_000, requestMs: 10_000 } satisfies Timeouts,
  backoff: DEFAULT_BACKOFF,
  heartbeat: DEFAULT_HEARTBEAT,
}

/** @throws TypeError that says which option is wrong and how to mend it. */
export function settle(options: ClientOptions<AnyProtocol>): Settings {
  checkOptions(options, DEFAULTS)
  const { token, session = 'tab', protocol, storage, WebSocket, autoConnect, logger = console } = options
  const page = globalThis.location?.href
  const pathAlone = page === undefined && isPath(options.url) ? String(options.url) : undefined
  const url = resolveUrl(options.url, pathAlone === undefined ? page : NO_PAGE)
  return {
    url: url.href,
    pathAlone,
    storageName: withoutToken(url),
    protocol,
    token,
    keepsSession: session === 'tab',
    storage,
    outbox: withDefaults(DEFAULTS.outbox, options.outbox),
    timeouts: withDefaults(DEFAULTS.timeouts, options.timeouts),
    backoff: withDefaults(DEFAULTS.backoff, options.backoff),
    heartbeat: withDefaults(DEFAULTS.heartbeat, options.heartbeat),
    fixedHeartbeat: options.heartbeat?.intervalMs !== undefined,
    WebSocket,
    autoConnect,
    logger,
  }
}

/** Nothing is ever asked of this host. */
const NO_PAGE = 'http://no-page.invalid/'

function isPath(url: string | URL): boolean {
  return typeof url === 'string' && /^[./?]/.test(url)
}

/** Checked in every build: unlike the other options, a URL often comes from a configuration. */
function resolveUrl(given: string | URL, base: string | undefined): URL {
  const url = parseUrl(given, base)
  if (url) url.protocol = url.protocol.replace(/^http/, 'ws')
  if (!url || !/^wss?:$/.test(url.protocol)) throw new TypeError(say.badUrl(given))
  // A WebSocket refuses a URL with a fragment.
  url.hash = ''
  return url
}

function parseUrl(given: string | URL, base: string | undefined): URL | undefined {
  try {
    return new URL(given, base)
  } catch {
    return undefined
  }
}

function withoutToken(url: URL): string {
  const named = new URL(url)
  named.searchParams.delete('token')
  return named.href
}

function withDefaults<T extends object>(defaults: T, given: Partial<T> = {}): T {
  const entries = Object.entries(defaults).map(([key, value]) => [key, given[key as keyof T] ?? value])
  return Object.fromEntries(entries) as T
}
