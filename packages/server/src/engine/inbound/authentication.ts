import {
  CLOSE_CODES,
  type ClientMessageOf,
  type CloseName,
  isTraceparent,
  type JsonObject,
  MAX_USER_ID_LENGTH,
  PROTOCOL_VERSION,
  RoomfulError,
  truncate,
  type WireLimits,
} from '@roomful/protocol'
import type { AnyProtocol, Authentication, ServerOptions, User } from '../../api/api.js'
import type { Clock } from '../../api/contracts/clock.js'
import type { Logger } from '../../api/contracts/logger.js'
import type { ConnectTrace } from '../../api/contracts/traces.js'
import type { Limits } from '../../api/options/limits.js'
import { addressKey } from '../../util/address.js'
import type { ApplicationCalls } from '../application/calls.js'
import type { Contexts } from '../application/contexts.js'
import type { HookCalls } from '../application/hook-calls.js'
import { rejectAndClose } from '../connection/closing.js'
import type { Connection } from '../connection/connection.js'
import type { Refs } from '../connection/refs.js'
import type { Registry } from '../connection/registry.js'
import type { Replies } from '../connection/replies.js'
import { signSession, verifySession } from '../connection/session-token.js'
import { Silence } from '../connection/silence.js'
import { channels, isTraced, traced } from '../process/tracing.js'
import type { Moderation } from '../rooms/moderation.js'

export interface AuthenticatorDeps {
  readonly authenticate: ServerOptions<AnyProtocol, unknown>['authenticate']
  readonly hooks: HookCalls
  readonly calls: ApplicationCalls
  readonly replies: Replies
  readonly registry: Registry
  readonly clock: Clock
  readonly limits: Limits
  readonly logger: Logger
  readonly sessionSecret: string
  readonly dedupeWindowMs: number
  newId(): string
  readonly contexts: Contexts
  readonly moderation: Pick<Moderation, 'refusal'>
}

const SILENT_RETRY_MS = 1_000

const GREETING = "Connected. Send a 'join' message with room_id to join a room."

/** Admits connections: the connect hook, the greeting, the user, and the expiry. */
export class Authenticator {
  readonly #silence: Silence

  constructor(private readonly deps: AuthenticatorDeps) {
    this.#silence = new Silence(deps.limits)
  }

  /** Greets a new connection, or refuses it. Its messages wait until this is done. */
  greet(connection: Connection): Promise<void> {
    if (!isTraced(channels.connect)) return this.#greet(connection)
    const trace = connectTrace(connection)
    return traced(channels.connect, trace, async () => {
      await this.#greet(connection)
      trace.userId = connection.session.user?.id
    })
  }

  async #greet(connection: Connection): Promise<void> {
    const { hooks } = this.deps
    // Sent before the hook runs: neither a message from the hook nor a refusal may be a client's first frame.
    this.#sendGreeting(connection)
    const context = this.deps.contexts.of(connection)
    this.#silence.excuse(connection)
    const refusal = await hooks.ask('on.connect', context, (set) => set.connect?.(context))
    this.#silence.expect(connection)
    if (!connection.isOpen) return
    if (refusal) {
      const isFault = refusal.code === 'internal'
      return this.#reject(connection, refusal, isFault ? 'server_error' : 'forbidden')
    }
    const token = tokenInQuery(connection.request.url)
    if (!this.deps.authenticate)
      this.#setUser(connection, { id: `anon-${this.deps.newId()}`, data: undefined })
    else if (token !== undefined && (await this.#checkToken(connection, token, {})))
      this.#confirm(connection, {})
  }

  /** Handles an `auth` frame: the first one, or a refresh. */
  async authenticate(connection: Connection, message: ClientMessageOf<'auth'>): Promise<void> {
    const refs = message.ref === undefined ? {} : { ref: message.ref }
    if (message.protocol !== PROTOCOL_VERSION) {
      return this.#reject(connection, new RoomfulError('unsupported_version'), 'unsupported_version', refs)
    }
    const isAccepted = this.deps.authenticate
      ? await this.#accept(connection, message.token, refs)
      : await this.#restore(connection, message.session, refs)
    if (!isAccepted) return
    connection.session.extended = true
    this.#confirm(connection, refs)
  }

  /**
   * Ends connections whose authentication has expired, connections that never authenticated, and excess silent
   * connections of an address.
   */
  sweep(now: number): void {
    const { registry, limits, replies, authenticate } = this.deps
    if (!authenticate) return
    for (const connection of registry.connections()) {
      const { standing, startedAt, expiresAt } = connection.session
      if (!connection.isOpen) continue
      if (standing === 'unauthenticated' && now - startedAt >= limits.authenticationMs)
        rejectAndClose(connection, replies, new RoomfulError('auth_timeout'), 'auth_timeout')
      else if (expiresAt <= now)
        rejectAndClose(connection, replies, new RoomfulError('token_expired'), 'token_expired')
    }
    this.#endSilent(now)
  }

  #endSilent(now: number): void {
    const { registry, replies, logger } = this.deps
    const tooMany = this.#silence.sweep(registry.connections(), now)
    if (tooMany.length === 0) return
    logger.warn(
      { count: tooMany.length },
      'connections closed (1013): more than limits.silentPerAddress of one address sent no auth',
    )
    for (const connection of tooMany) {
      const message = 'Too many connections of this address wait for authentication'
      const error = new RoomfulError('unavailable', { message, retryAfterMs: SILENT_RETRY_MS })
      rejectAndClose(connection, replies, error, 'try_again_later')
    }
  }

  #sendGreeting(connection: Connection): void {
    const { replies, limits } = this.deps
    replies.send(connection, {
      type: 'system',
      message: GREETING,
      timestamp: replies.timestamp(),
      protocol: PROTOCOL_VERSION,
      connection_id: connection.id,
      ping_interval_ms: limits.heartbeatMs,
      limits: toWireLimits(limits, this.deps.dedupeWindowMs),
    })
  }

  /** An `auth` without a token keeps the user of the query token. */
  async #accept(connection: Connection, token: string | undefined, refs: Refs): Promise<boolean> {
    if (token === undefined && connection.session.user) return true
    return this.#checkToken(connection, token, refs)
  }

  async #checkToken(connection: Connection, token: string | undefined, refs: Refs): Promise<boolean> {
    const { authenticate, calls, clock } = this.deps
    if (!authenticate) return false
    const { session, request } = connection
    if (session.standing === 'unauthenticated') session.standing = 'authenticating'
    const outcome = await calls.run('authenticate', this.deps.contexts.of(connection), async () =>
      checked(await authenticate({ token, request })),
    )
    if (!connection.isOpen) return false
    const verdict = outcome.ok ? judge(outcome.value, session.user, clock.wallTime()) : 'unavailable'
    if (typeof verdict === 'string') {
      this.#refuseToken(connection, verdict, refs)
      return false
    }
    if (await this.#isBanned(connection, verdict.user.id, refs)) return false
    session.expiresAt = clock.now() + verdict.lastsMs
    this.#setUser(connection, verdict.user)
    return true
  }

  /** Refuses whoever is banned from the server, and whoever might be while the store cannot say. */
  async #isBanned(connection: Connection, userId: string, refs: Refs): Promise<boolean> {
    const { moderation, authenticate, replies } = this.deps
    const error = await moderation.refusal(userId).catch((cause: unknown) => unavailableBy(cause))
    if (!connection.isOpen) return true
    if (!error) return false
    const isKept = authenticate && connection.session.user && error.code !== 'banned'
    if (isKept) replies.fail(connection, error, refs)
    else this.#reject(connection, error, error.code === 'banned' ? 'banned' : 'try_again_later', refs)
    return true
  }

  /** A refresh that cannot be checked now, or that is for another user, leaves the connection unchanged. */
  #refuseToken(connection: Connection, why: AuthFailure, refs: Refs): void {
    const error = new RoomfulError(why)
    const isKept = connection.session.user && (why === 'unavailable' || why === 'forbidden')
    if (isKept) this.deps.replies.fail(connection, error, refs)
    else this.#reject(connection, error, why === 'unavailable' ? 'try_again_later' : why, refs)
  }

  /** Restores an anonymous user's id. It ignores connections that already have a user or have joined a room. */
  async #restore(connection: Connection, given: string | undefined, refs: Refs): Promise<boolean> {
    const { session } = connection
    const userId = given === undefined ? undefined : verifySession(given, this.deps.sessionSecret)
    if (userId === undefined || userId === session.user?.id) return true
    if (session.extended || session.rooms.size > 0) {
      this.deps.replies.fail(connection, new RoomfulError('forbidden'), refs)
      return false
    }
    if (await this.#isBanned(connection, userId, refs)) return false
    this.#setUser(connection, { id: userId, data: undefined })
    return true
  }

  #setUser(connection: Connection, user: User): void {
    const { replies, registry, limits, logger } = this.deps
    const { session } = connection
    const isFirst = session.standing !== 'authenticated'
    if (isFirst && this.deps.authenticate) registry.endPending(addressKey(connection.request.remoteAddress))
    const idle = registry.bind(connection, user.id, limits.connectionsPerUser)
    session.user = user
    session.account = this.deps.authenticate ? user.id : addressKey(connection.request.remoteAddress)
    session.standing = 'authenticated'
    for (const other of idle)
      rejectAndClose(other, replies, new RoomfulError('too_many_connections'), 'too_many_connections')
    if (isFirst) logger.info({ connection: connection.id, user: user.id }, 'connection authenticated')
  }

  #confirm(connection: Connection, refs: Refs): void {
    const { replies, clock, sessionSecret } = this.deps
    const { user, expiresAt } = connection.session
    if (!user) return
    replies.send(connection, {
      type: 'authenticated',
      user_id: user.id,
      session: signSession(user.id, sessionSecret),
      expires_in_ms:
        expiresAt === Number.POSITIVE_INFINITY ? undefined : Math.max(0, Math.round(expiresAt - clock.now())),
      ref: refs.ref,
    })
  }

  #reject(connection: Connection, error: RoomfulError, close: CloseName, refs: Refs = {}): void {
    this.deps.logger.info(
      { connection: connection.id, code: CLOSE_CODES[close].code, why: error.code },
      'connection refused',
    )
    rejectAndClose(connection, this.deps.replies, error, close, refs)
  }
}

/** Why a token is not accepted. */
type AuthFailure = 'invalid_token' | 'token_expired' | 'forbidden' | 'unavailable'

/** A store that cannot be read denies for now. */
function unavailableBy(cause: unknown): RoomfulError {
  return cause instanceof RoomfulError && cause.temporary ? cause : new RoomfulError('unavailable', { cause })
}

/** What the application's answer means for a connection whose user is `current`, or that has none yet. */
function judge(
  result: Authentication,
  current: User | undefined,
  now: number,
): { readonly user: User; readonly lastsMs: number } | AuthFailure {
  if (result === null) return 'invalid_token'
  if ('refused' in result) return 'token_expired'
  if (current && current.id !== result.userId) return 'forbidden'
  const { expiresAt } = result
  const lastsMs = expiresAt === undefined ? Number.POSITIVE_INFINITY : Number(expiresAt) - now
  return lastsMs > 0 ? { user: toUser(result), lastsMs } : 'token_expired'
}

/** September 2001 in ms; read as seconds, it is the year 33658. */
const SECONDS_BEFORE = 1e12

/**
 * Checks values that plain JavaScript may return. A number would be a different user from the same digits in a
 * string. A profile that JSON cannot hold would fail the join of everybody who would see it.
 * @throws TypeError
 */
function checked(result: Authentication): Authentication {
  if (result === null) return result
  if (typeof result === 'object' && 'refused' in result) {
    if (result.refused === 'expired') return result
    throw new TypeError("authenticate can refuse a token only as 'expired'; otherwise return null")
  }
  if (typeof result?.userId !== 'string' || result.userId === '') {
    throw new TypeError(
      "authenticate must return null, { refused: 'expired' } or a userId that is a non-empty string",
    )
  }
  // Otherwise a user could write in the server's name.
  if (result.userId.startsWith('@'))
    throw new TypeError("authenticate must return a userId that does not begin with '@'")
  if (truncate(result.userId, MAX_USER_ID_LENGTH) !== result.userId)
    throw new TypeError(`authenticate must return a userId of at most ${MAX_USER_ID_LENGTH} characters`)
  assertExpiry(result.expiresAt)
  if (result.profile === undefined) return result
  const profile: unknown = JSON.parse(JSON.stringify(result.profile))
  if (isJsonObject(profile)) return { ...result, profile }
  throw new TypeError('authenticate must return a profile that is a JSON object')
}

/** @throws TypeError */
function assertExpiry(expiresAt: unknown): void {
  if (expiresAt === undefined) return
  const ms = expiresAt instanceof Date ? expiresAt.getTime() : expiresAt
  if (typeof ms !== 'number' || Number.isNaN(ms))
    throw new TypeError('authenticate must return an expiresAt that is a Date or ms since 1970')
  if (ms < SECONDS_BEFORE)
    throw new TypeError(
      'authenticate returned an expiresAt before 2001: use ms since 1970, for a JWT exp * 1000',
    )
}

function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function toUser({ userId, profile, data }: Extract<Authentication, { userId: string }>): User {
  return { id: userId, ...(profile && { profile }), data }
}

function connectTrace({ id, request }: Connection): ConnectTrace {
  const { traceparent } = request.headers
  return {
    connectionId: id,
    remoteAddress: request.remoteAddress,
    userId: undefined,
    traceparent: isTraceparent(traceparent) ? traceparent : undefined,
  }
}

/** The query token. Browsers and proxies log URLs, so the `auth` frame is safer. */
function tokenInQuery(url: string): string | undefined {
  const query = url.indexOf('?')
  return query < 0 ? undefined : (new URLSearchParams(url.slice(query)).get('token') ?? undefined)
}

function toWireLimits(limits: Limits, dedupeWindowMs: number): WireLimits {
  const wire = (value: number) => (value === Number.POSITIVE_INFINITY ? null : value)
  return {
    text_length: wire(limits.textLength),
    frame_bytes: wire(limits.frameBytes),
    messages_per_second: wire(limits.messagesPerSecond),
    messages_burst: wire(limits.messagesBurst),
    bytes_per_second: wire(limits.bytesPerSecond),
    joins_per_second: wire(limits.joinsPerSecond),
    joins_burst: wire(limits.joinsBurst),
    history_per_second: wire(limits.historyPerSecond),
    rooms: wire(limits.roomsPerConnection),
    dedupe_window_ms: dedupeWindowMs,
  }
}
