import {
  CLOSE_CODES,
  type ClientMessageOf,
  type CloseName,
  PROTOCOL_VERSION,
  RoomfulError,
  type WireLimits,
} from '@roomful/protocol'
import type { Answers } from './answers.js'
import type { AnyProtocol, Authentication, ConnectionContext, Hooks, ServerOptions, User } from './api.js'
import type { ApplicationCalls } from './application.js'
import type { Clock } from './clock.js'
import { closeWith } from './closing.js'
import type { Connection } from './connection.js'
import { signSession, verifySession } from './core/session-token.js'
import type { Limits } from './limits.js'
import type { Logger } from './logger.js'
import type { Registry } from './registry.js'

export interface AdmissionDeps {
  readonly authenticate: ServerOptions<AnyProtocol, unknown>['authenticate']
  readonly hooks: Hooks<AnyProtocol, unknown>
  readonly calls: ApplicationCalls
  readonly answers: Answers
  readonly registry: Registry
  readonly clock: Clock
  readonly limits: Limits
  readonly logger: Logger
  readonly sessionSecret: string
  readonly dedupeWindowMs: number
  newId(): string
  contextOf(connection: Connection): ConnectionContext<AnyProtocol, unknown>
}

const GREETING = "Connected. Send a 'join' message with room_id to join a room."

/** Lets connections in: the connect hook, the greeting, who they are, and until when. */
export class Admission {
  constructor(private readonly deps: AdmissionDeps) {}

  /** Greets a new connection, or refuses it. Its messages wait until this is done. */
  async welcome(connection: Connection): Promise<void> {
    const { hooks, calls, answers } = this.deps
    const context = this.deps.contextOf(connection)
    const outcome = await calls.run('on.connect', context, () => hooks.connect?.(context))
    if (!outcome.ok) {
      answers.fail(connection, outcome.error)
      closeWith(connection, outcome.error.code === 'internal' ? 'server_error' : 'forbidden')
      return
    }
    this.#greet(connection)
    const token = tokenInQuery(connection.request.url)
    if (!this.deps.authenticate) this.#admit(connection, { id: `anon-${this.deps.newId()}`, data: undefined })
    else if (token !== undefined) await this.#checkToken(connection, token, {})
  }

  /** Handles an `auth` frame: the first, or a refresh in place. */
  async authenticate(connection: Connection, message: ClientMessageOf<'auth'>): Promise<void> {
    const refs = message.ref === undefined ? {} : { ref: message.ref }
    if (message.protocol !== PROTOCOL_VERSION) {
      return this.#turnAway(connection, 'unsupported_version', 'unsupported_version', refs)
    }
    connection.session.extended = true
    if (this.deps.authenticate) {
      const token =
        message.token ?? (connection.session.user ? undefined : tokenInQuery(connection.request.url))
      if (token === undefined && connection.session.user) return this.#confirm(connection, refs)
      return this.#checkToken(connection, token, refs)
    }
    this.#restore(connection, message.session, refs)
  }

  /** Ends connections whose authentication has run out, and those that never authenticated. */
  sweep(now: number): void {
    const { registry, limits, answers, authenticate } = this.deps
    if (!authenticate) return
    for (const connection of registry.connections()) {
      const { session } = connection
      if (session.standing !== 'admitted') {
        if (now - session.startedAt < limits.authenticationMs) continue
        answers.fail(connection, new RoomfulError('auth_timeout'))
        closeWith(connection, 'auth_timeout')
      } else if (session.expiresAt <= now) {
        answers.fail(connection, new RoomfulError('token_expired'))
        closeWith(connection, 'token_expired')
      }
    }
  }

  #greet(connection: Connection): void {
    const { answers, limits } = this.deps
    answers.send(connection, {
      type: 'system',
      message: GREETING,
      timestamp: answers.timestamp(),
      protocol: PROTOCOL_VERSION,
      connection_id: connection.id,
      ping_interval_ms: limits.heartbeatMs,
      limits: toWireLimits(limits, this.deps.dedupeWindowMs),
    })
  }

  async #checkToken(
    connection: Connection,
    token: string | undefined,
    refs: { ref?: string },
  ): Promise<void> {
    const { authenticate, calls, clock } = this.deps
    if (!authenticate) return
    const { session } = connection
    if (session.standing === 'stranger') session.standing = 'authenticating'
    const context = this.deps.contextOf(connection)
    const outcome = await calls.run('authenticate', context, () =>
      authenticate({ token, request: connection.request }),
    )
    if (!connection.isOpen) return
    if (!outcome.ok) return this.#turnAway(connection, 'unavailable', 'try_again_later', refs)
    const result: Authentication = outcome.value
    if (result === null) return this.#turnAway(connection, 'invalid_token', 'invalid_token', refs)
    if ('refused' in result) return this.#turnAway(connection, 'token_expired', 'token_expired', refs)
    if (session.user && session.user.id !== result.userId)
      return this.#turnAway(connection, 'forbidden', 'forbidden', refs)
    const expiresIn =
      result.expiresAt === undefined ? Number.POSITIVE_INFINITY : Number(result.expiresAt) - clock.wall()
    if (expiresIn <= 0) return this.#turnAway(connection, 'token_expired', 'token_expired', refs)
    session.expiresAt = clock.now() + expiresIn
    this.#admit(connection, toUser(result))
    this.#confirm(connection, refs)
  }

  /** Gives an anonymous user its id back. A connection that has joined a room already is somebody. */
  #restore(connection: Connection, given: string | undefined, refs: { ref?: string }): void {
    const { session } = connection
    const userId = given === undefined ? undefined : verifySession(given, this.deps.sessionSecret)
    if (userId !== undefined && userId !== session.user?.id) {
      if (session.rooms.size > 0 || session.joining.size > 0) {
        this.deps.answers.fail(connection, new RoomfulError('forbidden'), refs)
        return
      }
      this.#admit(connection, { id: userId, data: undefined })
    }
    this.#confirm(connection, refs)
  }

  #admit(connection: Connection, user: User): void {
    const { registry, limits, clock, logger } = this.deps
    const { session } = connection
    const isFirst = session.standing !== 'admitted'
    if (isFirst && this.deps.authenticate) registry.endPending(connection.request.remoteAddress)
    const replaced = registry.bind(connection, user.id, limits.connectionsPerUser, session.rates, clock.now())
    session.user = user
    session.standing = 'admitted'
    for (const oldest of replaced) closeWith(oldest, 'replaced')
    if (isFirst) logger.info({ connection: connection.id, user: user.id }, 'connection admitted')
  }

  #confirm(connection: Connection, refs: { ref?: string }): void {
    const { answers, clock, sessionSecret } = this.deps
    const { user, expiresAt } = connection.session
    if (!user) return
    answers.send(connection, {
      type: 'authenticated',
      user_id: user.id,
      session: signSession(user.id, sessionSecret),
      expires_in_ms:
        expiresAt === Number.POSITIVE_INFINITY ? undefined : Math.max(0, Math.round(expiresAt - clock.now())),
      ref: refs.ref,
    })
  }

  #turnAway(connection: Connection, code: string, close: CloseName, refs: { ref?: string }): void {
    this.deps.answers.fail(connection, new RoomfulError(code), refs)
    this.deps.logger.info(
      { connection: connection.id, code: CLOSE_CODES[close].code },
      `connection refused: ${code}`,
    )
    closeWith(connection, close)
  }
}

function toUser({ userId, profile, data }: Extract<Authentication, { userId: string }>): User {
  return { id: userId, ...(profile && { profile }), data }
}

/** The query token of the channels page. Browsers and proxies log URLs, so the `auth` frame is the safer way. */
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
    history_per_second: wire(limits.historyPerSecond),
    rooms: wire(limits.roomsPerConnection),
    dedupe_window_ms: dedupeWindowMs,
  }
}
