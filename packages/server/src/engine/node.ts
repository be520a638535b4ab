import { randomBytes } from 'node:crypto'
import type { AnyProtocol, ServerOptions, Stats, User } from '../api/api.js'
import type { Backplane, Position } from '../api/contracts/backplane.js'
import { type Clock, systemClock } from '../api/contracts/clock.js'
import { consoleLogger } from '../api/contracts/console-logger.js'
import type { LogReader } from '../api/contracts/log-reader.js'
import type { Logger } from '../api/contracts/logger.js'
import { RoomfulError } from '../api/contracts/roomful-error.js'
import type {
  ConnectionRequest,
  Transport,
  TransportEvents,
  UpgradeRefusal,
} from '../api/contracts/transport.js'
import { hookSetsOf } from '../api/hooks/hook-sets.js'
import { assertServerOptions } from '../api/options/check-options.js'
import { type Limits, resolveLimits } from '../api/options/limits.js'
import { memory } from '../backplane/memory/memory.js'
import { addressKey } from '../util/address.js'
import { randomId } from '../util/random-id.js'
import { Access } from './application/access.js'
import { ApplicationCalls } from './application/calls.js'
import { Contexts } from './application/contexts.js'
import { HandlerBatches } from './application/handler-batches.js'
import { handlerTable } from './application/handlers.js'
import { HookCalls } from './application/hook-calls.js'
import { ServerMessages } from './application/server-messages.js'
import { Changes } from './changes/changes.js'
import { openRoomReader } from './changes/room-reader.js'
import { Allowances } from './connection/allowances.js'
import { closeWith } from './connection/closing.js'
import { Connection, type ConnectionDeps } from './connection/connection.js'
import { EndOfTurn } from './connection/end-of-turn.js'
import { backlogOf, SWEEP_MS, sweepBacklog, sweepHeartbeats } from './connection/liveness.js'
import { Registry } from './connection/registry.js'
import { Replies } from './connection/replies.js'
import { type Rates, Session } from './connection/session.js'
import { FanOut } from './delivery/fan-out.js'
import { Authenticator } from './inbound/authentication.js'
import { ConnectionEvents, type ConnectionEventsDeps } from './inbound/connection-events.js'
import { Departures } from './inbound/departures.js'
import { Dispatcher } from './inbound/dispatcher.js'
import { Inbound, type InboundDeps } from './inbound/inbound.js'
import { GuardedLogger } from './process/guarded-logger.js'
import { LifeCycle } from './process/life-cycle.js'
import { Metrics } from './process/metrics.js'
import { Occupancy } from './process/occupancy.js'
import { warnOfLonelyWorker } from './process/workers.js'
import { Authors } from './rooms/authors.js'
import { Broadcasts } from './rooms/broadcasts.js'
import { Chats } from './rooms/chat.js'
import { Messenger } from './rooms/handles.js'
import { Listings } from './rooms/listings.js'
import { Marks } from './rooms/marks.js'
import { Memberships } from './rooms/memberships.js'
import { Moderation } from './rooms/moderation.js'
import { OwnProfiles } from './rooms/own-profiles.js'
import { Publisher } from './rooms/publisher.js'
import { Reactions } from './rooms/reactions.js'
import { Receipts } from './rooms/receipts.js'
import { Rooms } from './rooms/rooms.js'
import { SharedPages } from './rooms/shared-pages.js'
import { Snapshots } from './rooms/snapshots.js'
import { TypingNotices } from './rooms/typing-notices.js'
import { Watches } from './rooms/watches.js'

const SECOND_MS = 1_000
const RETRY_AFTER_S = 1
/** How many pages of full size are kept for others who ask for the same page. */
const SHARED_PAGES = 8

/** One server process: all parts, wired together. It knows sockets only as transports. */
export class Node {
  readonly limits: Limits
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics = new Metrics()
  readonly registry = new Registry()
  readonly lifeCycle = new LifeCycle()
  readonly occupancy = new Occupancy()
  readonly backplane: Backplane
  readonly rooms: Rooms
  readonly messenger: Messenger
  readonly listings: Listings
  readonly changes: Changes
  readonly #calls: ApplicationCalls
  readonly #contexts: Contexts
  readonly #allowances: Allowances
  readonly #pages: SharedPages
  readonly #typing: TypingNotices
  readonly #marks: Marks
  readonly #receipts: Receipts
  readonly #watches: Watches
  readonly #authenticator: Authenticator
  readonly #fanOut: FanOut
  readonly #handlerBatches: HandlerBatches
  readonly #moderation: Moderation
  readonly #inboundDeps: InboundDeps
  readonly #eventsDeps: ConnectionEventsDeps
  readonly #rates: Rates
  readonly #needsAuthentication: boolean
  readonly #connectionDeps: ConnectionDeps
  #endSweeps: (() => void)[] = []

  /** @throws TypeError for an option that cannot work; it says how to fix it */
  constructor(
    options: ServerOptions<AnyProtocol, unknown>,
    /** A simulation passes its own, so that a run repeats byte for byte. */
    private readonly newId: () => string = randomId,
  ) {
    assertServerOptions(options)
    this.limits = resolveLimits(options.limits)
    this.clock = options.clock ?? systemClock
    const { logLinesPerMinute } = this.limits
    this.logger = new GuardedLogger(options.logger ?? consoleLogger, this.clock, logLinesPerMinute)
    this.backplane = options.backplane ?? memory()
    this.#rates = ratesOf(this.limits)
    this.#needsAuthentication = options.authenticate !== undefined
    const handlers = handlerTable(options.protocol, options.handle ?? {})
    if (options.authenticate && !options.authorize) {
      this.logger.warn({}, 'authenticate without authorize: every user may join every room')
    }
    warnOfLonelyWorker(this.backplane, this.logger)
    const { limits, clock, logger, metrics, registry, lifeCycle, backplane } = this
    const hookSets = hookSetsOf(options.on)
    const calls = new ApplicationCalls(hookSets, clock, limits, logger)
    const hooks = new HookCalls(hookSets, calls)
    const access = new Access(options.authorize, calls)
    const replies = new Replies(clock, metrics)
    const allowances = new Allowances(clock, limits)
    this.#allowances = allowances
    const endOfTurn = new EndOfTurn(clock, metrics)
    const fanOut = new FanOut(clock, metrics, limits, endOfTurn)
    const rooms = new Rooms(backplane, fanOut, limits)
    const hasProfiles = options.authenticate !== undefined || options.profiles !== undefined
    const authors = new Authors(hasProfiles ? backplane.profiles : undefined, clock, limits.pageBytes)
    const pages = new SharedPages(backplane, authors, SHARED_PAGES * limits.pageBytes)
    const messages = new ServerMessages(options.protocol)
    const publisher = new Publisher(options.protocol, messages, backplane, clock, metrics, limits, newId)
    const contexts = new Contexts(messages, replies, (roomId, userId) =>
      this.messenger.roomFor(roomId, userId),
    )
    this.#contexts = contexts
    this.#calls = calls
    this.#fanOut = fanOut
    this.#handlerBatches = new HandlerBatches(clock, calls)
    this.#connectionDeps = {
      backlogBytes: limits.backlogBytes,
      metrics,
      endOfTurn,
    }
    this.rooms = rooms
    this.#pages = pages
    const broadcasts = new Broadcasts({ rooms, registry, fanOut, backplane, lifeCycle })
    const typing = new TypingNotices(broadcasts, replies, clock, limits)
    this.#typing = typing
    const receipts = new Receipts(backplane.marks, fanOut, limits.listedMembers)
    this.#receipts = receipts
    const { counts = [] } = options.protocol ?? {}
    const watches = new Watches({ backplane, counts, access, replies, clock, logger, limits })
    this.#watches = watches
    const marks = new Marks({
      backplane,
      counts,
      registry,
      rooms,
      receipts,
      watches,
      replies,
      lifeCycle,
      clock,
      logger,
    })
    this.#marks = marks
    const memberships = new Memberships({
      marks,
      watches,
      receipts,
      typing,
      allowances,
      access,
      hooks,
      calls,
      replies,
      backplane,
      rooms,
      pages,
      fanOut,
      limits,
      contexts,
    })
    this.#moderation = new Moderation({
      backplane,
      registry,
      memberships,
      replies,
      lifeCycle,
      clock,
      logger,
    })
    const ownSecret = randomBytes(32).toString('base64url')
    this.#authenticator = new Authenticator({
      authenticate: options.authenticate,
      hooks,
      calls,
      replies,
      registry,
      clock,
      limits,
      logger,
      get sessionSecret() {
        return options.sessionSecret ?? backplane.sharedSecret ?? ownSecret
      },
      dedupeWindowMs: backplane.dedupeWindowMs,
      newId,
      contexts,
      moderation: this.#moderation,
    })
    const chats = new Chats({
      access,
      handlers,
      calls,
      replies,
      typing,
      publisher,
      authors,
      rooms,
      backplane,
      lifeCycle,
      contexts,
      clock,
      metrics,
      limits,
    })
    const reactions = new Reactions({ access, allowances, memberships, replies, backplane, limits })
    const dispatcher = new Dispatcher({
      protocol: options.protocol,
      access,
      handlers,
      calls,
      replies,
      authenticator: this.#authenticator,
      memberships,
      marks,
      watches,
      typing,
      allowances,
      chats,
      reactions,
      batches: this.#handlerBatches,
      ownProfiles: new OwnProfiles({ backplane, replies, clock, limits }),
      backplane,
      rooms,
      pages,
      limits,
      contexts,
    })
    this.#inboundDeps = {
      protocol: options.protocol,
      hooks,
      calls,
      replies,
      dispatcher,
      clock,
      limits,
      decisionLimits: {
        ...limits,
        selfProfiles: options.profiles === 'self',
        amends: backplane.amends === true,
        reacts: backplane.reactions !== undefined,
        marks: backplane.marks !== undefined,
      },
      metrics,
      contexts,
    }
    this.#eventsDeps = {
      hooks,
      calls,
      clock,
      contexts,
      departures: new Departures({ registry, memberships, watches, hooks, contexts, metrics, logger }),
    }
    this.listings = new Listings(rooms, registry, clock)
    this.changes = new Changes({ lifeCycle, backplane, clock, logger, newId })
    this.messenger = new Messenger({
      lifeCycle,
      registry,
      rooms,
      broadcasts,
      backplane,
      messages,
      publisher,
      marks,
      memberships,
      moderation: this.#moderation,
      snapshots: new Snapshots(access, backplane),
      replies,
      logger,
    })
  }

  /** Starts the backplane and the sweeps, once. @throws RoomfulError `closed` */
  start(): Promise<void> {
    return this.lifeCycle.start(() => this.#start())
  }

  /** Why no further connection can be accepted now; `undefined` if one can. */
  refusal(remoteAddress: string): UpgradeRefusal | undefined {
    const { limits, registry } = this
    const refuse = (why: string, isPassing = false): UpgradeRefusal => ({
      status: 503,
      why,
      retryAfterS: RETRY_AFTER_S,
      isPassing,
    })
    if (this.lifeCycle.isDraining) return refuse('draining', true)
    // Its sessions would be signed with a secret that no other node knows.
    if (!this.lifeCycle.hasStarted) return refuse('the backplane has not started', true)
    if (registry.connectionCount >= limits.connections) return refuse('too many connections')
    if (
      this.#needsAuthentication &&
      registry.pendingOf(addressKey(remoteAddress)) >= limits.pendingPerAddress
    ) {
      return refuse('too many connections of this address wait for authentication')
    }
    return undefined
  }

  /** Accepts a socket. From then on, the transport calls the returned events. */
  accept(transport: Transport, request: ConnectionRequest): TransportEvents {
    const { clock, registry } = this
    const now = Math.trunc(clock.now())
    const session = new Session<User>(this.#rates, now)
    const connection = new Connection(this.newId(), transport, request, session, this.#connectionDeps, now)
    registry.add(connection)
    if (this.#needsAuthentication) registry.startPending(addressKey(request.remoteAddress))
    const inbound = new Inbound(connection, this.#inboundDeps)
    void this.#authenticator.greet(connection).then(
      () => inbound.open(),
      (error: unknown) => {
        this.#calls.report('A connection could not be greeted', error, this.#contexts.of(connection))
        closeWith(connection, 'server_error')
      },
    )
    return new ConnectionEvents(this.#eventsDeps, connection, inbound)
  }

  /**
   * Opens a reader of a room's log, at its end if there is no cursor.
   * @throws RoomfulError `invalid_room`, `unavailable`, `closed`
   */
  async openLogReader(roomId: string, since: Position | undefined): Promise<LogReader> {
    const { backplane, clock, logger } = this
    const { id: stream } = this.messenger.room(roomId)
    if (this.lifeCycle.isDraining)
      throw new RoomfulError('unavailable', {
        message: 'This server is about to close',
        retryAfterMs: RETRY_AFTER_S * 1_000,
      })
    return this.lifeCycle.run(() =>
      openRoomReader(stream, since, { backplane, pages: this.#pages, clock, logger }),
    )
  }

  stats(): Stats {
    let members = 0
    for (const room of this.rooms.all()) members += room.audience.size
    const { connectionCount: connections, userCount: users } = this.registry
    return {
      connections,
      users,
      rooms: this.rooms.size,
      members,
      backlogBytes: backlogOf(this.registry.connections()),
    }
  }

  /** In Prometheus' text format. */
  renderMetrics(): string {
    const { connections, nodeBacklogBytes } = this.limits
    return this.metrics.render({
      ...this.stats(),
      ready: this.ready,
      connectionsLimit: connections,
      backlogLimitBytes: nodeBacklogBytes,
    })
  }

  /** Whether balancers should send new connections to this node. */
  get ready(): boolean {
    return this.lifeCycle.isServing && this.backplane.ready
  }

  /** Reports that it is not ready, and keeps serving, because balancers take a while to notice. */
  startLeaving(): void {
    this.lifeCycle.startLeaving()
  }

  /**
   * Accepts no more connections, and asks the existing ones to reconnect elsewhere, spread over `spreadMs` so that
   * they do not all do so at once. Resolves when all have left, or when the time is over.
   */
  async drain(spreadMs: number): Promise<void> {
    this.lifeCycle.startDraining()
    const { connectionCount } = this.registry
    let index = 0
    for (const connection of this.registry.connections()) {
      const reconnect_after_ms = Math.round((index++ / connectionCount) * spreadMs)
      if (connection.session.extended) connection.send({ type: 'draining', reconnect_after_ms })
    }
    await this.#within(spreadMs, this.registry.emptied())
  }

  /** Closes the remaining connections, after `waitMs` by force, and then the backplane. */
  async stop(waitMs: number): Promise<void> {
    this.lifeCycle.startDraining()
    if (!this.lifeCycle.hasStarted) await this.#within(waitMs, this.lifeCycle.started())
    // Accepted messages are finished first, because a memory log is lost with the process.
    await this.#within(waitMs, this.#handlerBatches.finish())
    this.#fanOut.finish()
    for (const connection of this.registry.connections()) closeWith(connection, 'service_restart')
    await this.#within(waitMs, this.registry.emptied())
    for (const connection of this.registry.connections()) connection.transport.terminate()
    await this.#within(waitMs, this.changes.stop())
    this.changes.abandon()
    this.#moderation.stop()
    this.#marks.stop()
    for (const end of this.#endSweeps) end()
    this.#endSweeps = []
    this.metrics.eventLoopDelay.stop()
    this.lifeCycle.close()
    await this.backplane.close()
  }

  async #within(ms: number, done: Promise<void>): Promise<void> {
    let cancel = () => {}
    const late = new Promise<void>((resolve) => {
      cancel = this.clock.after(ms, resolve)
    })
    await Promise.race([done, late])
    cancel()
  }

  async #start(): Promise<void> {
    const { clock, logger, limits, newId } = this
    const receive = this.messenger.receive.bind(this.messenger)
    await this.backplane.start({
      clock,
      logger,
      graceMs: limits.graceMs,
      listedMembers: limits.listedMembers,
      newId,
      receive,
      relaysMissed: () => this.#marks.missed(),
      occupancyChanged: (stream, change) => this.occupancy.changed(stream, change),
    })
    await this.#moderation.start()
    // The node was closed meanwhile, when the backplane had nothing to close yet.
    if (this.lifeCycle.isClosed) return this.backplane.close()
    this.#endSweeps = [
      clock.every(SWEEP_MS, () => this.#sweep()),
      clock.every(SECOND_MS, () => this.#sweepSlowly()),
    ]
  }

  #sweep(): void {
    const now = this.clock.now()
    this.#pages.forget()
    this.#receipts.forget()
    this.#typing.sweep(now)
    this.#authenticator.sweep(now)
    sweepHeartbeats(this.registry.connections(), this.limits.heartbeatMs, Math.trunc(now))
    sweepBacklog(this.registry, this.limits.nodeBacklogBytes)
  }

  #sweepSlowly(): void {
    const now = this.clock.now()
    this.rooms.sweepLarge(now)
    this.#receipts.sweep()
    void this.#watches.look()
    void this.#watches.askAgain()
    this.#allowances.sweep(now)
  }
}

function ratesOf(limits: Limits): Rates {
  const { bytesPerSecond, frameBytes } = limits
  return {
    messages: { perSecond: limits.messagesPerSecond, burst: limits.messagesBurst },
    bytes: { perSecond: bytesPerSecond, burst: Math.max(bytesPerSecond, frameBytes) },
    joins: { perSecond: limits.joinsPerSecond, burst: limits.joinsBurst },
    history: { perSecond: limits.historyPerSecond, burst: Math.max(1, limits.historyPerSecond * 2) },
  }
}
