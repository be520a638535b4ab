import * as strings from '../runtime/strings.js'
import { checkOptions } from './check-options.js'
import {
  type AnyProtocol,
  type Backoff,
  type ClientOptions,
  DEFAULT_BACKOFF,
  DEFAULT_HEARTBEAT,
  type HeartbeatOptions,
  type Logger,
  type OutboxLimits,
  type Timeouts,
  type TokenGetter,
  type WebSocketConstructor,
} from './options.js'
import type { Meta, StoredOutbox } from './stored-outbox.js'

/** The options, with all defaults filled in. */
export interface Settings {
  readonly url: string
  /** The URL as given, if it is a path and there is no page that it could refer to. */
  readonly pathAlone: string | undefined
  /** The name under which data for this server is stored: its URL, without a token in the query. */
  readonly storageName: string
  readonly protocol: AnyProtocol | undefined
  readonly token: string | TokenGetter | undefined
  readonly keepsSession: boolean
  readonly storage: StoredOutbox | undefined
  readonly outbox: OutboxLimits
  readonly timeouts: Timeouts
  readonly backoff: Backoff
  readonly heartbeat: HeartbeatOptions
  /** Whether the application set the interval, so that the server's `system` does not replace it. */
  readonly fixedHeartbeat: boolean
  readonly meta: (() => Meta | undefined) | undefined
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

/** @throws TypeError that says which option is wrong and how to fix it */
export function resolveOptions(options: ClientOptions<AnyProtocol>): Settings {
  checkOptions(options, DEFAULTS)
  const { token, session = 'tab', protocol, storage, meta, WebSocket, autoConnect } = options
  const { logger = console } = options
  const page = globalThis.location?.href
  const pathAlone = page === undefined && isPath(options.url) ? String(options.url) : undefined
  const url = resolveUrl(options.url, pathAlone === undefined ? page : NO_PAGE)
  return {
    url,
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
    meta,
    WebSocket,
    autoConnect,
    logger,
  }
}

/** A placeholder; nothing is ever requested from this host. */
const NO_PAGE = 'http://no-page.invalid/'

function isPath(url: string | URL): boolean {
  return typeof url === 'string' && /^[./?]/.test(url)
}

/** Every build checks the URL: unlike other options, it often comes from configuration. */
function resolveUrl(given: string | URL, base: string | undefined): string {
  // As text, because React Native's URL cannot be changed. A WebSocket rejects a URL with a fragment.
  const url = parseUrl(given, base)?.href.replace(/^http/, 'ws').replace(/#.*/, '')
  if (!url || !/^wss?:/.test(url)) throw new TypeError(strings.badUrl(given))
  return url
}

function parseUrl(given: string | URL, base: string | undefined): URL | undefined {
  try {
    return new URL(given, base)
  } catch {
    return undefined
  }
}

function withoutToken(url: string): string {
  const named = new URL(url)
  named.searchParams.delete('token')
  return named.href
}

function withDefaults<T extends object>(defaults: T, given: Partial<T> = {}): T {
  const entries = Object.entries(defaults).map(([key, value]) => [key, given[key as keyof T] ?? value])
  return Object.fromEntries(entries) as T
}
