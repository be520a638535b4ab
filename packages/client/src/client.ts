import type { BuiltIn } from '@roomful/protocol'
import { isRoomId, OWN_STREAM, RoomfulError } from '@roomful/protocol/wire'
import { ConnectionDriver } from './connection/connection-driver.js'
import type { ConnectionStatus } from './connection/connection-state.js'
import { PendingRequests } from './connection/pending-requests.js'
import { partySocketFactory } from './connection/socket.js'
import type { AnyProtocol, ClientOptions } from './options/options.js'
import { resolveOptions, type Settings } from './options/resolve-options.js'
import { OutboxDriver } from './outbox/outbox-driver.js'
import type { ClientServices, TimelineFactory } from './room/client-services.js'
import { MessageRouter } from './room/message-router.js'
import type { ClientEvents } from './room/messages.js'
import { OwnProfile, type Profile } from './room/own-profile.js'
import { RoomCore } from './room/room.js'
import type { CoreRoom, Room } from './room/room-api.js'
import { Rooms } from './room/rooms.js'
import { Emitter } from './runtime/emitter.js'
import type { Observable } from './runtime/observable.js'
import { type Runtime, systemRuntime } from './runtime/runtime.js'
import type { SocketFactory } from './runtime/socket.js'
import * as strings from './runtime/strings.js'

/** A connection to a server, and the rooms on it, without timelines. */
export interface CoreClient<P extends AnyProtocol = BuiltIn> {
  readonly status: Observable<ConnectionStatus>
  /** Time from a ping to its pong, in ms; `undefined` while there is no connection. */
  readonly latency: Observable<number | undefined>
  /** The id of this client's user; `undefined` until the server has sent it. */
  readonly user: Observable<string | undefined>
  /** The user's own logged stream, shared by all devices. */
  readonly me: CoreRoom<P>
  /** Returns the handle of a room; the same id gives the same handle. @throws RoomfulError `invalid_room` */
  room(id: string): CoreRoom<P>
  /**
   * Sets what others see of this anonymous user, and again after each reconnect, if the server allows it (`profiles:
   * 'self'`). Everybody, this user included, sees it in the `members` of rooms and by `profiles(room)`. A refusal is an
   * `error` event.
   */
  setProfile(profile: Profile): void
  /**
   * Connects now: for the first time, after `close`, or instead of waiting for a back-off to end. Only a client that
   * joins no room needs this, since the first `join()` connects as well.
   * @throws TypeError if there is no WebSocket, or if the URL is a path and there is no page
   */
  connect(): void
  /**
   * Connects a client that was never connected, unless `autoConnect` is false. `join()` and mounted hooks call it
   * first.
   */
  wake(): void
  /**
   * Disconnects until the next `join()`, if no room is joined and nobody called `connect()`. The hooks call it when
   * the last component that used a room is gone.
   */
  rest(): void
  /**
   * Disconnects for good. Waiting joins and messages reject; if there is a storage, the next page sends the messages.
   */
  close(): void
  /**
   * For log-out: disconnects until the next `join()`, which connects whoever has logged in by then, and clears the
   * outbox, its storage, the session, and everything that the rooms show.
   */
  forget(): void
  on<K extends keyof ClientEvents<P>>(type: K, handler: (event: ClientEvents<P>[K]) => void): () => void
}

/** A connection to a server and the rooms on it. */
export interface Client<P extends AnyProtocol = BuiltIn> extends CoreClient<P> {
  readonly me: Room<P>
  room(id: string): Room<P>
}

export class ClientCore {
  readonly status: ConnectionDriver['status']
  readonly latency: ConnectionDriver['latency']
  readonly user: ConnectionDriver['user']
  /** How many need the connection beside rooms and `connect()`. */
  holds = 0
  readonly #settings: Settings
  readonly #runtime: Runtime
  readonly #driver: ConnectionDriver
  readonly #requests: PendingRequests
  readonly #outbox: OutboxDriver
  readonly #events: Emitter<Record<string, unknown>>
  readonly #rooms = new Rooms<RoomCore>()
  readonly #router: MessageRouter
  readonly #services: ClientServices<RoomCore>
  readonly #profile: OwnProfile
  /** The application called `connect()`: it wants the connection even without rooms. */
  #isKept = false
  /** The user of the last connection. */
  #user: string | undefined

  constructor(settings: Settings, runtime: Runtime, createTimeline: TimelineFactory | undefined) {
    const report = (what: string, error: unknown) => settings.logger.error(strings.failed(what), error)
    const failed = (error: RoomfulError) => this.#failed(error)
    this.#settings = settings
    this.#runtime = runtime
    this.#events = new Emitter(report)
    this.#driver = new ConnectionDriver(settings, runtime, report, {
      changed: (from, to) => this.#changed(from, to),
      up: () => this.#up(),
      down: (code) => this.#down(code),
      received: (result) => this.#router.received(result),
      expiring: (in_ms) => this.#events.emit('expiring', { in_ms }),
      failed: report,
      error: failed,
    })
    this.#requests = new PendingRequests(runtime.clock, this.#driver, settings.timeouts.requestMs)
    this.status = this.#driver.status
    this.latency = this.#driver.latency
    this.user = this.#driver.user
    this.#outbox = new OutboxDriver(settings, runtime, this.#driver, this.#rooms, failed)
    this.#router = new MessageRouter({
      protocol: settings.protocol,
      driver: this.#driver,
      requests: this.#requests,
      outbox: this.#outbox,
      rooms: this.#rooms,
      events: this.#events,
      failed,
    })
    this.#services = {
      settings,
      runtime,
      report,
      driver: this.#driver,
      requests: this.#requests,
      outbox: this.#outbox,
      failed,
      rooms: this.#rooms,
      router: this.#router,
      wake: () => this.wake(),
      joining: (room) => this.#joining(room),
      createTimeline,
    }
    this.#profile = new OwnProfile(this.#services)
    if (settings.autoConnect) this.connect()
  }

  setProfile(profile: Profile): void {
    this.#profile.set(profile)
  }

  get me(): RoomCore {
    return this.room(OWN_STREAM)
  }

  on(type: string, handler: (event: never) => void): () => void {
    return this.#events.on(type, handler as (event: unknown) => void)
  }

  connect(): void {
    this.#open()
    this.#isKept = true
  }

  /** After `close()` or a permanent refusal, only `connect()` connects again. */
  wake(): void {
    if (this.#settings.autoConnect !== false && this.status.get().state === 'idle') this.#open()
  }

  rest(): void {
    const isUsed = [...this.#rooms.values()].some((room) => room.isWanted)
    if (!this.#isKept && !isUsed && !this.holds) this.#driver.rest()
  }

  #open(): void {
    const connect = findConnect(this.#settings, this.#runtime)
    this.#outbox.open()
    this.#driver.open(connect)
  }

  close(): void {
    this.#driver.close('Closed')
    this.#end()
  }

  forget(): void {
    this.#driver.close('Logged out', 'idle')
    this.#outbox.forget()
    this.#driver.forget()
    this.#end()
    this.#user = undefined
    this.#profile.set(undefined)
    for (const room of this.#rooms.values()) room.forget()
  }

  #end(): void {
    this.#isKept = false
    const error = new RoomfulError('closed')
    this.#outbox.close(error)
    for (const room of this.#rooms.values()) room.close(error)
  }

  room(id: string): RoomCore {
    if (!isRoomId(id)) throw new RoomfulError('invalid_room', { roomId: id })
    const known = this.#rooms.get(id)
    if (known) return known
    const room = new RoomCore(id, this.#services)
    this.#rooms.add(room)
    for (const entry of this.#outbox.entriesOf(id)) room.timeline?.queued(entry)
    if (this.#driver.mode) room.up()
    return room
  }

  #changed(from: ConnectionStatus, to: ConnectionStatus): void {
    this.#events.emit('status', { from, to, reason: to.reason })
    if (to.state === 'failed') for (const room of this.#rooms.values()) room.close(to.error)
  }

  #up(): void {
    const isStranger = this.#becomes(this.#driver.user.get())
    this.#profile.send()
    this.#outbox.up()
    for (const room of this.#rooms.values()) {
      if (isStranger) room.forget()
      if (this.#driver.mode === 'base' && room !== this.#rooms.base) room.leaveWith(strings.oneRoom)
      room.up()
    }
  }

  /** With a token, another user id is another person. Without one it is the same person under a new id. */
  #becomes(me: string | undefined): boolean {
    const before = this.#user
    this.#user = me
    return this.#settings.token !== undefined && before !== undefined && before !== me
  }

  #down(code: number): void {
    this.#outbox.down(code)
    this.#requests.drop()
    for (const room of this.#rooms.values()) room.down(strings.waitingForConnection)
  }

  #joining(room: RoomCore): void {
    if (this.#driver.mode === 'base' && this.#rooms.base !== room)
      this.#rooms.base?.leaveWith(strings.oneRoom)
    this.#rooms.base = room
  }

  #failed(error: RoomfulError): void {
    if (!this.#events.emit('error', error)) this.#settings.logger.warn(error.message, error)
  }
}

/**
 * Creates a client; the first `join()` connects it.
 * @throws TypeError for a wrong option, with a sentence that says how to fix it
 */
export function openClient(
  options: ClientOptions<AnyProtocol>,
  runtime: Partial<Runtime>,
  createTimeline?: TimelineFactory,
): ClientCore {
  return new ClientCore(resolveOptions(options), { ...systemRuntime, ...runtime }, createTimeline)
}

/**
 * Called only for the first attempt: a server that renders pages may have neither a page nor a WebSocket, and needs
 * neither.
 * @throws TypeError if there is nothing to connect to, or nothing to connect with
 */
function findConnect({ pathAlone, WebSocket }: Settings, runtime: Runtime): SocketFactory {
  if (pathAlone !== undefined) throw new TypeError(strings.noPage(pathAlone))
  return runtime.connect ?? partySocketFactory(WebSocket)
}
