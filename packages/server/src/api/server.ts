import type { Server as HttpServer, IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { SecureContextOptions } from 'node:tls'
import type { Broadcastable, BuiltIn } from '@roomful/protocol'
import type { Change, ChangesOptions, ConsumeHandler, ConsumeOptions, Consumer } from './changes.js'
import type { BroadcastOptions, RoomHandle, UserHandle } from './handles.js'
import type { AnyProtocol } from './protocol.js'
import type { ConnectionRequest, Transport, TransportEvents } from './transport.js'

export interface ListenOptions {
  /** @default 3000; 0 takes a free one */
  readonly port?: number
  /** @default '127.0.0.1' */
  readonly host?: string
  /** Path of WebSocket upgrades, as URLs have it: `/r%C3%A4ume`. @default '/' */
  readonly path?: string
  /** Certificate and key, `{ cert, key }` or `{ pfx }`, for wss. @default none: plain ws */
  readonly tls?: SecureContextOptions
}

export interface AttachOptions {
  /** Path of WebSocket upgrades, to the letter and as URLs have it (`/r%C3%A4ume`); other paths are left alone. @default '/' */
  readonly path?: string
}

export interface Address {
  readonly host: string
  readonly port: number
  /** As a client takes it: `ws://127.0.0.1:3000/`. */
  readonly url: string
}

/**
 * A server. What it publishes, tells or reads before it has started waits for that; once it is closed, every call but
 * `close`, `stats`, `metrics` and `ready` fails with a RoomfulError `closed`.
 */
export interface Roomful<P extends AnyProtocol = BuiltIn> {
  /** Serves on a port of its own. @throws Error if the port is in use, RoomfulError `closed` */
  listen(options?: ListenOptions): Promise<Address>
  /**
   * Resolves once the backplane has started; until then, upgrades get HTTP 503. `listen` waits for it, `attach` does not.
   * @throws Error if the backplane cannot be started
   */
  start(): Promise<void>
  /**
   * Serves the upgrades of one path of an HTTP server that you keep. Where others listen for its upgrades too, a warning
   * says so: take {@link handleUpgrade} then.
   * @throws TypeError for a path that can never match, or that is served already
   */
  attach(server: HttpServer, options?: AttachOptions): void
  /**
   * Takes one upgrade over, of whatever path: for an `upgrade` listener of your own, which decides who gets which path.
   * The arguments are those of the event.
   */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /**
   * Takes in a connection that something else than this server's WebSockets carries. The transport calls the events that are
   * returned. The limits hold; origins and frame sizes are the transport's to check.
   * @throws RoomfulError `unavailable` where no connection is taken now: not started, draining, or full
   */
  accept(transport: Transport, request: ConnectionRequest): TransportEvents
  room(id: string): RoomHandle<P>
  /** Several rooms at once; a connection in more than one of them gets the message once. */
  rooms(ids: readonly string[]): { broadcast(message: Broadcastable<P>, options?: BroadcastOptions): void }
  user(id: string): UserHandle<P>
  users(ids: readonly string[]): { broadcast(message: Broadcastable<P>): void }
  /** Sends a volatile message to every connection of every node. */
  broadcast(message: Broadcastable<P>, options?: { readonly exceptUser?: string }): void
  /**
   * Every entry of every room and user's stream, in the order of each room: chat messages and what was published, by whatever
   * node. It goes on with what is logged later, until it is aborted or the server closed, and waits while the backplane
   * is away. A cursor comes from a change; whoever keeps it and begins after it again misses nothing, and may see a change twice.
   * @throws TypeError for a wrong option, or where the backplane keeps no feed; RoomfulError `cursor_gone` while it is read,
   * where the store does not know the cursor, or kept no longer what follows it
   */
  changes(options?: ChangesOptions): AsyncGenerator<Change<P>, void>
  /**
   * Gives every change to a handler, in batches, on one node at a time: where each node of a cluster consumes under the same
   * name, one has it, and another goes on when that one is gone. How far it has got is kept by the backplane, after
   * the handler has resolved: changes come at least once.
   * @throws TypeError for a wrong argument, a name that this server consumes already, or where the backplane keeps no feed
   */
  consume(name: string, handler: ConsumeHandler<P>, options?: ConsumeOptions): Consumer
  /** What the node is doing. */
  stats(): Stats
  /** Gauges and counters in Prometheus' text format. */
  metrics(): string
  /** False while draining, and while the backplane is away. */
  readonly ready: boolean
  /** Sends clients elsewhere and ends. Accepted messages are finished first; called twice, it ends once. */
  close(options?: CloseOptions): Promise<void>
}

export interface CloseOptions {
  /** Time to go on serving while `ready` is false already, in ms, since balancers take a while to notice. @default 0 */
  readonly lagMs?: number
  /** Time within which clients are told to come back elsewhere, spread evenly, in ms. @default 0: they are closed at once */
  readonly drainMs?: number
}

export interface Stats {
  readonly connections: number
  readonly users: number
  readonly rooms: number
  readonly members: number
  /** Bytes that were sent and have not left the process. */
  readonly backlogBytes: number
}
