import type { Server as HttpServer, IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { SecureContextOptions } from 'node:tls'
import type { Broadcastable, BuiltIn } from '@roomful/protocol'
import type { ConnectionRequest, Transport, TransportEvents } from '../contracts/transport.js'
import type { AnyProtocol } from '../protocol.js'
import type { Change, ChangesOptions, ConsumeHandler, ConsumeOptions, Consumer } from './changes.js'
import type { BroadcastOptions, RoomHandle, UserHandle } from './handles.js'
import type { HttpApi, HttpOptions } from './http.js'
import type { ConnectionList, ListOptions, RoomList } from './listings.js'
import type { RestrictionList, RestrictionOptions } from './restrictions.js'
import type { WebhookEndpoint, Webhooks } from './webhooks.js'

export interface ListenOptions {
  /** @default 3000; 0 picks a free port */
  readonly port?: number
  /** @default '127.0.0.1' */
  readonly host?: string
  /** Path of WebSocket upgrades, in URL form: `/r%C3%A4ume`. @default '/' */
  readonly path?: string
  /** Certificate and key, `{ cert, key }` or `{ pfx }`, for wss. @default none: plain ws */
  readonly tls?: SecureContextOptions
}

export interface AttachOptions {
  /** Exact path of WebSocket upgrades, in URL form (`/r%C3%A4ume`); other paths are not touched. @default '/' */
  readonly path?: string
}

export interface Address {
  readonly host: string
  readonly port: number
  /** The URL for clients: `ws://127.0.0.1:3000/`. */
  readonly url: string
}

/**
 * A server. Calls that publish, send or read before it has started wait for the start. Once it is closed, every call
 * except `close`, `stats`, `metrics` and `ready` fails with a RoomfulError `closed`.
 */
export interface Roomful<P extends AnyProtocol = BuiltIn> {
  /** Listens on a port of its own. @throws Error if the port is in use, RoomfulError `closed` */
  listen(options?: ListenOptions): Promise<Address>
  /**
   * Resolves once the backplane has started; until then, upgrades get HTTP 503. `listen` waits for it, `attach` does not.
   * @throws Error if the backplane cannot be started
   */
  start(): Promise<void>
  /**
   * Serves the upgrades of one path of your own HTTP server. If others listen for its upgrades too, it logs a
   * warning: use {@link handleUpgrade} in that case.
   * @throws TypeError for a path that can never match, or that is already served
   */
  attach(server: HttpServer, options?: AttachOptions): void
  /**
   * Handles one upgrade, whatever its path: for your own `upgrade` listener, which routes upgrades by path. The
   * arguments are those of the event.
   */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /**
   * Accepts a connection over a transport of your own, which must call the returned events. The limits apply; the
   * transport must check origins and frame sizes itself.
   * @throws RoomfulError `unavailable` if the server accepts no connection now: it has not started, is draining, or
   * is full
   */
  accept(transport: Transport, request: ConnectionRequest): TransportEvents
  room(id: string): RoomHandle<P>
  /** Several rooms at once; a connection that is in more than one of them gets the message once. */
  rooms(ids: readonly string[]): { broadcast(message: Broadcastable<P>, options?: BroadcastOptions): void }
  user(id: string): UserHandle<P>
  users(ids: readonly string[]): { broadcast(message: Broadcastable<P>): void }
  /** Sends a volatile message to every connection of every node. */
  broadcast(message: Broadcastable<P>, options?: { readonly exceptUser?: string }): void
  /**
   * Bans a user from the whole server, on every node: closes all their connections with 4504, and refuses new ones with the
   * error `banned`, which says when it ends. Replaces an earlier ban. Survives a restart with `sqlite()` and `redis()`.
   * Mind that an anonymous user gets another id by clearing the browser's storage.
   * @throws TypeError for a wrong argument, or if the backplane cannot. RoomfulError `unavailable`
   *
   * @example await server.ban('ana', { forMs: 86_400_000 })
   */
  ban(userId: string, options?: RestrictionOptions): Promise<void>
  /** Ends such a ban; those of rooms remain. @throws as `ban` */
  unban(userId: string): Promise<void>
  /**
   * Lists who is banned from the whole server now, page by page.
   * @throws TypeError for a wrong option, or if the backplane cannot. RoomfulError `unavailable`
   */
  listRestrictions(options?: ListOptions): Promise<RestrictionList>
  /**
   * Iterates over every entry of every room and user's stream, in the order of each room: chat messages and published
   * messages, from any node. It continues with later entries until it is aborted or the server is closed, and waits
   * while the backplane is unreachable. Each change has a cursor. If you store it and start again after it, you miss
   * nothing, but may see a change twice.
   * @throws TypeError for a wrong option, or if the backplane keeps no feed; RoomfulError `cursor_gone` during
   * iteration, if the store does not know the cursor or no longer has the entries after it
   */
  changes(options?: ChangesOptions): AsyncGenerator<Change<P>, void>
  /**
   * Passes every change to a handler, in batches, on one node at a time. If several nodes of a cluster consume under
   * the same name, one has the consumer, and another continues when that one is gone. The backplane stores the
   * position after the handler has resolved: changes arrive at least once.
   * @throws TypeError for a wrong argument, a name that this server already consumes, or if the backplane keeps no
   * feed
   */
  consume(name: string, handler: ConsumeHandler<P>, options?: ConsumeOptions): Consumer
  /**
   * An HTTP API for other servers and scripts: publish, read, kick and disconnect without a WebSocket. Mount it yourself.
   * @throws TypeError for an option that cannot work
   *
   * @example
   * const api = server.http({ authenticate: bearer(process.env.API_KEY) })
   */
  http(options: HttpOptions): HttpApi
  /**
   * Lists the rooms with members on this node, page by page.
   * @throws TypeError for a wrong option
   */
  listRooms(options?: ListOptions): Promise<RoomList>
  /**
   * Lists the connections of this node, page by page.
   * @throws TypeError for a wrong option
   */
  listConnections(options?: ListOptions): Promise<ConnectionList>
  /**
   * Sends logged messages to other servers, as signed requests: at least once, in the order of each room, from one
   * node at a time.
   * @throws TypeError for an option that cannot work, an endpoint that this server already serves, or if the backplane
   * keeps no feed
   *
   * @example
   * server.webhooks([{ url: 'https://example.com/hooks', secret: process.env.WEBHOOK_SECRET }])
   */
  webhooks(endpoints: readonly WebhookEndpoint<P>[]): Webhooks
  /** Current figures of the node. */
  stats(): Stats
  /** Gauges and counters in Prometheus' text format. */
  metrics(): string
  /** False while draining, and while the backplane is unreachable. */
  readonly ready: boolean
  /** Moves clients to other nodes and stops. Accepted messages are finished first. Calling it twice is safe. */
  close(options?: CloseOptions): Promise<void>
}

export interface CloseOptions {
  /**
   * How long to keep serving after `ready` has become false, in ms, since balancers take a while to notice.
   * @default 0
   */
  readonly lagMs?: number
  /**
   * Time over which clients are asked to reconnect elsewhere, spread evenly, in ms.
   * @default 0: they are closed at once
   */
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
