import type { ServerMessage, ServerMessageOf, WireLimits } from '@roomful/protocol'
import {
  decodeServerMessage,
  type Frame,
  PROTOCOL_VERSION,
  RoomfulError,
  type ServerDecodeResult,
} from '@roomful/protocol/wire'
import type { TokenReason } from '../options/options.js'
import type { Settings } from '../options/resolve-options.js'
import { Timer } from '../runtime/clock.js'
import { guard, type Report, Value } from '../runtime/observable.js'
import type { Runtime } from '../runtime/runtime.js'
import type { Socket, SocketFactory } from '../runtime/socket.js'
import * as strings from '../runtime/strings.js'
import {
  type ConnectionEffect,
  type ConnectionEvent,
  type ConnectionMachine,
  type ConnectionStatus,
  connectionStep,
  initialConnection,
  isUp,
  type Mode,
} from './connection-state.js'
import { type HeartbeatEvent, heartbeatStep, initialHeartbeat } from './heartbeat.js'
import { RateLimiter } from './rate-limiter.js'
import { SessionStore } from './session.js'

export interface ConnectionDriverHandlers {
  changed(from: ConnectionStatus, to: ConnectionStatus): void
  /** The connection is authenticated: rooms can join and the outbox can send. */
  up(): void
  /** `code` is the close code, or 0 if this side closed the connection. */
  down(code: number): void
  received(result: ServerDecodeResult): void
  expiring(inMs: number): void
  failed(what: string, error: unknown): void
  /** An error that no caller receives. */
  error(error: RoomfulError): void
}

/** The text of a frame, and its length in UTF-8. */
export interface EncodedFrame {
  readonly text: string
  readonly bytes: number
}

/** Runs the connection's state machine: token, socket, authentication and heartbeat. */
export class ConnectionDriver {
  readonly status: Value<ConnectionStatus>
  readonly latency: Value<number | undefined>
  readonly user: Value<string | undefined>
  readonly rateLimiter: RateLimiter
  readonly #settings: Settings
  readonly #runtime: Runtime
  readonly #handlers: ConnectionDriverHandlers
  readonly #sessions: SessionStore
  readonly #phaseTimer: Timer
  readonly #heartbeatTimer: Timer
  readonly #refreshTimer: Timer
  #connection: ConnectionMachine = initialConnection
  #heartbeat = initialHeartbeat
  #connect: SocketFactory | undefined
  #socket: Socket | undefined
  /** Grows with each attempt, so that late results of an earlier attempt are dropped. */
  #generation = 0
  readonly #events: ConnectionEvent[] = []
  #limits: WireLimits = {}
  #pingIntervalMs: number | undefined
  #stopWatching: (() => void) | undefined

  constructor(settings: Settings, runtime: Runtime, report: Report, handlers: ConnectionDriverHandlers) {
    this.#settings = settings
    this.#runtime = runtime
    this.#handlers = handlers
    this.#sessions = new SessionStore(settings.storageName, settings.keepsSession)
    this.status = new Value(initialConnection.status, report)
    this.latency = new Value<number | undefined>(undefined, report)
    this.user = new Value<string | undefined>(undefined, report)
    this.user.set(this.#sessions.get()?.userId)
    this.rateLimiter = new RateLimiter(runtime.clock)
    this.#phaseTimer = new Timer(runtime.clock)
    this.#heartbeatTimer = new Timer(runtime.clock)
    this.#refreshTimer = new Timer(runtime.clock)
  }

  /** The limits from the server's `system`. */
  get limits(): WireLimits {
    return this.#limits
  }

  /** `undefined` while there is no authenticated connection. */
  get mode(): Mode | undefined {
    const status = this.#connection.status
    return status.state === 'online' || status.state === 'degraded' ? status.mode : undefined
  }

  /** Why nothing will be sent until `connect()` is called. */
  get ended(): RoomfulError | undefined {
    const { status } = this.#connection
    if (status.state === 'closed') return new RoomfulError('closed')
    return status.state === 'failed' ? status.error : undefined
  }

  open(connect: SocketFactory): void {
    this.#connect = connect
    this.#stopWatching ??= this.#runtime.watch((signal) => {
      this.#step({ type: 'network', signal })
      if (this.mode) this.#heart({ type: 'probe' })
    })
    this.#step({ type: 'connect' })
  }

  close(reason: string, state: 'closed' | 'idle' = 'closed'): void {
    this.#stopWatching?.()
    this.#stopWatching = undefined
    this.#step({ type: 'close', state, reason })
  }

  /** Disconnects, and becomes like a client that never connected. */
  rest(): void {
    if (!this.ended) this.close(strings.notConnected, 'idle')
  }

  /** Drops a connection that turned out to be useless, and connects again. */
  reconnect(reason: string): void {
    this.#step({ type: 'dead', reason })
  }

  forget(): void {
    this.#sessions.set(undefined)
    this.user.set(undefined)
  }

  /**
   * Sends a frame that is not worth waiting for. Returns false if there is no authenticated connection, or if the
   * server's rates leave no room for it now.
   * @throws RoomfulError `too_large`
   */
  send(frame: Frame): boolean {
    if (this.mode === undefined) return false
    const encoded = this.encode(frame)
    return this.rateLimiter.take({ budget: 'messages', bytes: encoded.bytes }) && this.transmit(encoded)
  }

  /**
   * Like `send`, for frames that no caller waits for: a frame that is too large is reported as an error event of the
   * client.
   */
  trySend(frame: Frame): boolean {
    try {
      return this.send(frame)
    } catch (error) {
      this.#handlers.error(error as RoomfulError)
      return false
    }
  }

  /**
   * @param data the JSON of the frame's `data`, made when the message was queued
   * @throws RoomfulError `too_large`: the server would close the connection, and lose everything else in flight
   */
  encode(frame: Frame, data?: string, explain = strings.tooLarge): EncodedFrame {
    const json = JSON.stringify(frame)
    const text = data === undefined ? json : `${json.slice(0, -1)},"data":${data}}`
    const bytes = new TextEncoder().encode(text).length
    const { frame_bytes } = this.#limits
    if (frame_bytes && bytes > frame_bytes)
      throw new RoomfulError('too_large', { message: explain(bytes, frame_bytes) })
    return { text, bytes }
  }

  /** Sends a frame whose cost has been taken from the rate limits. */
  transmit({ text }: EncodedFrame): boolean {
    return this.mode !== undefined && this.#transmit(text)
  }

  /**
   * Sends pings and tokens without waiting for the rates: without them the connection would end. The server still
   * charges them.
   */
  #sendAtOnce(frame: Frame): void {
    let encoded: EncodedFrame
    try {
      encoded = this.encode(frame, undefined, strings.cannotConnect)
    } catch (error) {
      this.#step({ type: 'unsendable', error: error as RoomfulError })
      return
    }
    this.rateLimiter.spend({ budget: 'messages', bytes: encoded.bytes })
    this.#transmit(encoded.text)
  }

  #transmit(text: string): boolean {
    return this.#socket?.send(text) ?? false
  }

  /** Handles one event at a time: events that a handler causes wait until the current step is done. */
  #step(event: ConnectionEvent): void {
    if (this.#events.push(event) > 1) return
    try {
      for (const next of this.#events) this.#advance(next)
    } finally {
      this.#events.length = 0
    }
  }

  #advance(event: ConnectionEvent): void {
    const from = this.#connection.status
    const { clock } = this.#runtime
    const { connection, effects } = connectionStep(this.#connection, event, {
      now: clock.now(),
      wallTime: this.#runtime.wallTime(),
      random: this.#runtime.random(),
      isOffline: this.#runtime.isOffline(),
      unreachable: (said) => strings.unreachable(this.#settings.storageName, said, pageOrigin()),
      hasToken: this.#settings.token !== undefined,
      hasTokenGetter: typeof this.#settings.token === 'function',
      timeouts: this.#settings.timeouts,
      backoff: this.#settings.backoff,
    })
    this.#connection = connection
    const to = connection.status
    if (from !== to) {
      this.status.set(to)
      this.#handlers.changed(from, to)
      if ('inMs' in to && connection.failures === 1 && !connection.isGreeted)
        this.#settings.logger.warn(to.reason)
    }
    if (isUp(from.state) && !isUp(to.state)) this.#wentDown(event)
    for (const effect of effects) this.#run(effect)
  }

  #run(effect: ConnectionEffect): void {
    switch (effect.type) {
      case 'fetch_token':
        void this.#fetchToken(effect.reason, ++this.#generation)
        return
      case 'dial':
        this.#dial()
        return
      case 'auth':
        this.#sendAuth(this.#connection.token)
        return
      case 'up':
        this.#heart({ type: 'start' })
        this.#handlers.up()
        return
      case 'hang_up':
        this.#generation++
        this.#socket?.close(effect.code, effect.reason)
        this.#socket = undefined
        return
      case 'timer':
        if (effect.ms === undefined) this.#phaseTimer.clear()
        else this.#phaseTimer.set(effect.ms, () => this.#step({ type: 'timer' }))
    }
  }

  #wentDown(event: ConnectionEvent): void {
    this.rateLimiter.stop()
    this.#heartbeatTimer.clear()
    this.#refreshTimer.clear()
    this.latency.set(undefined)
    this.#handlers.down(event.type === 'closed' ? event.code : 0)
  }

  async #fetchToken(reason: TokenReason, generation: number): Promise<void> {
    const event = await this.#askToken(reason)
    if (generation === this.#generation) this.#step(event)
  }

  async #askToken(reason: TokenReason) {
    const { token } = this.#settings
    try {
      const value = typeof token === 'function' ? await token({ reason }) : token
      if (value === undefined || typeof value === 'string') return { type: 'token', token: value } as const
      throw new TypeError(strings.tokenNoString)
    } catch (error) {
      this.#handlers.failed(strings.tokenGetter, error)
      return { type: 'token_failed', reason: strings.tokenFailed } as const
    }
  }

  #dial(): void {
    const generation = ++this.#generation
    const faulted = (cause: unknown) =>
      this.#handlers.error(new RoomfulError('internal', { cause, message: strings.faulted }))
    // If a socket's listener throws, a Node process ends. Nothing that a server sends may cause that.
    const guarded =
      <A extends unknown[]>(run: (...args: A) => void) =>
      (...args: A) => {
        if (generation === this.#generation) guard(() => run(...args), faulted)
      }
    this.#socket = this.#connect?.(this.#settings.url, {
      opened: guarded(() => this.#step({ type: 'opened' })),
      received: guarded((text: string) => this.#receive(text)),
      closed: guarded((code: number, reason: string) => {
        this.#socket = undefined
        this.#step({ type: 'closed', code, reason })
      }),
    })
  }

  #sendAuth(token = typeof this.#settings.token === 'string' ? this.#settings.token : undefined): void {
    // A token says who the user is; a session is only for users without a token.
    const session = token === undefined ? this.#sessions.get()?.session : undefined
    this.#sendAtOnce({ type: 'auth', protocol: PROTOCOL_VERSION, token, session })
  }

  #receive(text: string): void {
    const result = decodeServerMessage(text, this.#settings.protocol)
    if (!result.ok || result.kind === 'application' || !this.#consume(result.message)) {
      this.#handlers.received(result)
    }
  }

  /** Returns whether the message was about the connection itself. */
  #consume(message: ServerMessage): boolean {
    switch (message.type) {
      case 'system':
        this.#hello(message)
        return true
      case 'authenticated':
        this.#authenticated(message)
        return true
      case 'pong':
        this.#heart({ type: 'pong', id: message.id })
        return true
      case 'draining':
        this.#step({ type: 'advice', afterMs: message.reconnect_after_ms })
        break
      case 'error':
        if ((!this.mode || isEnd(message)) && message.retry_after_ms !== undefined)
          this.#step({ type: 'advice', afterMs: message.retry_after_ms })
    }
    return false
  }

  #hello({ protocol, limits = {}, ping_interval_ms }: ServerMessageOf<'system'>): void {
    this.#limits = limits
    this.rateLimiter.reset(limits)
    this.#pingIntervalMs = ping_interval_ms
    this.#step({ type: 'hello', mode: protocol === undefined ? 'base' : 'full' })
  }

  #authenticated({ user_id, session, expires_in_ms }: ServerMessageOf<'authenticated'>): void {
    this.#sessions.set({ userId: user_id, session })
    this.user.set(user_id)
    if (expires_in_ms !== undefined) this.#refreshIn(expires_in_ms)
    this.#step({ type: 'authenticated' })
  }

  /** Asks for a new token when three quarters of its lifetime have passed, and again in the remaining time. */
  #refreshIn(remainingMs: number): void {
    if (typeof this.#settings.token !== 'function' || remainingMs < 1_000) return
    const generation = this.#generation
    this.#refreshTimer.set(remainingMs * 0.75, async () => {
      this.#handlers.expiring(remainingMs / 4)
      // Set before asking, so that a getter that never settles is asked again.
      this.#refreshIn(remainingMs / 4)
      const event = await this.#askToken('expiring')
      if (generation === this.#generation && event.type === 'token') this.#sendAuth(event.token)
    })
  }

  #heart(event: HeartbeatEvent): void {
    const { intervalMs, ...rest } = this.#settings.heartbeat
    const interval = this.#settings.fixedHeartbeat ? intervalMs : (this.#pingIntervalMs ?? intervalMs)
    const now = this.#runtime.clock.now()
    const step = heartbeatStep(this.#heartbeat, event, now, this.#runtime.random(), {
      ...rest,
      intervalMs: interval,
    })
    this.#heartbeat = step.heartbeat
    this.#heartbeatTimer.set(step.heartbeat.dueAt - now, () => this.#heart({ type: 'timer' }))
    for (const effect of step.effects) {
      if (effect.type === 'ping') {
        this.#sendAtOnce({ type: 'ping', id: this.mode === 'full' ? effect.id : undefined })
      } else if (effect.type === 'latency') {
        this.latency.set(effect.ms)
        this.#step({ type: 'pong', latencyMs: effect.ms })
      } else if (effect.type === 'dead') this.reconnect(strings.dead)
      else this.#step(effect)
    }
  }
}

/** Whether the server closes the connection next: a ban of a room names it. */
function isEnd({ code, room_id }: ServerMessageOf<'error'>): boolean {
  return code === 'banned' && room_id === undefined
}

/** The origin of the page, which is `null` for a file; `undefined` if there is no page. */
function pageOrigin(): string | undefined {
  const { location } = globalThis
  return location?.protocol === 'file:' ? 'null' : location?.origin
}
