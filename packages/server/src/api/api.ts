import type { Server as HttpServer, IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { SecureContextOptions } from 'node:tls'
import type {
  Broadcastable,
  BuiltIn,
  ChatDataInput,
  ChatDataOutput,
  ClientMessage,
  ClientMessageFor,
  JsonObject,
  Protocol,
  Publishable,
  ReplyInput,
  Request,
} from '@roomful/protocol'
import { assertOptions, is, type OptionRules } from '@roomful/protocol/options'
import type { Position, PresentUser } from '../api/backplane.js'
import type { Backplane } from './backplane.js'
import type { Clock } from './clock.js'
import type { Limits } from './limits.js'
import type { Logger } from './logger.js'
import type { ConnectionRequest } from './transport.js'

/** Any protocol that `defineProtocol` makes. */
export type AnyProtocol = Protocol<object, object>

/** Who is on a connection. */
export interface User<D = unknown> {
  readonly id: string
  /** Shown to other members. */
  readonly profile?: JsonObject
  /** What `authenticate` knows of the user; it stays on the server. */
  readonly data: D
}

/** What `authenticate` says of a token. */
export type Authentication<D = unknown> =
  | {
      /** Of 1 to 256 characters, and not beginning with `@`, which names what is no user's. */
      readonly userId: string
      /** When the authentication ends: a `Date`, or ms since 1970 (of a JWT: `exp * 1000`). @default never */
      readonly expiresAt?: Date | number
      /** JSON shown to other members in member lists. */
      readonly profile?: JsonObject
      /** Whatever handlers want to know of the user. */
      readonly data?: D
    }
  /** No such user: the connection is closed with 4500. */
  | null
  /** The token was good once: the connection is closed with 4004, and the client fetches a fresh one. */
  | { readonly refused: 'expired' }

export interface AuthenticationRequest {
  /** From the `auth` frame or the `token` query parameter. */
  readonly token: string | undefined
  readonly request: ConnectionRequest
}

/** What a user asks to do: a built-in action or the name of an application's message. */
export type Action<P extends AnyProtocol = BuiltIn> =
  | 'join'
  | 'history'
  | 'chat_message'
  | 'presence'
  | (keyof P['client'] & string)

export interface AuthorizationRequest<P extends AnyProtocol = BuiltIn, D = unknown> {
  readonly user: User<D>
  readonly action: Action<P>
  readonly roomId: string
}

export interface ConnectionHandle<P extends AnyProtocol = BuiltIn> {
  readonly id: string
  readonly remoteAddress: string
  /** Sends a volatile message to this connection alone. @throws RoomfulError `invalid_message` */
  broadcast(message: Broadcastable<P>): void
}

/** What every hook knows of its connection. */
export interface ConnectionContext<P extends AnyProtocol = BuiltIn, D = unknown> {
  readonly connection: ConnectionHandle<P>
  readonly request: ConnectionRequest
  /** `undefined` until the connection has authenticated. */
  readonly user: User<D> | undefined
  /** Closes the connection. Codes from 4500 to 4999 tell the client not to come back. @default 4501 */
  close(code?: number, reason?: string): void
}

/** What handlers of a room's messages know. */
export interface RoomContext<P extends AnyProtocol = BuiltIn, D = unknown> extends ConnectionContext<P, D> {
  readonly user: User<D>
  readonly room: RoomHandle<P>
  /** Aborted when the handler's time is up or the connection has ended. */
  readonly signal: AbortSignal
}

export interface Hooks<P extends AnyProtocol = BuiltIn, D = unknown> {
  /** After the greeting, before any message is handled. Throwing {@link refuse} refuses the connection (4501); any other throw is a fault (1011). */
  connect?(context: ConnectionContext<P, D>): void | Promise<void>
  /** Before each valid message but `ping` and `auth`. A throw answers an error instead of handling it. */
  message?(
    context: ConnectionContext<P, D>,
    message: ClientMessage | { readonly type: string; readonly body: object },
  ): void | Promise<void>
  /** A binary frame. Without this hook they close the connection with 1003. */
  binary?(context: ConnectionContext<P, D>, data: Uint8Array): void | Promise<void>
  /** A WebSocket ping frame from the client; it has been answered already. */
  ping?(context: ConnectionContext<P, D>, data: Uint8Array): void | Promise<void>
  /** A WebSocket pong frame from the client. */
  pong?(context: ConnectionContext<P, D>, data: Uint8Array): void | Promise<void>
  /** Before a member is let in, after `authorize`. A throw refuses the join, as in {@link refuse}`('game_full', 'The game is full')`. */
  join?(context: RoomContext<P, D>): void | Promise<void>
  /** After a connection left a room, by itself, by a kick or by its end. */
  leave?(context: RoomContext<P, D>): void | Promise<void>
  /** After a connection ended, however it did; its rooms are left already. Code and reason are those that the server sent, or the peer's where that closed first. */
  close?(context: ConnectionContext<P, D>, code: number, reason: string): void | Promise<void>
  /** A fault in the socket, a hook or a handler, which is logged already. */
  error?(error: unknown, context: ConnectionContext<P, D> | undefined): void | Promise<void>
}

/** A chat message on its way into the log. */
export interface Chat<P extends AnyProtocol = BuiltIn> {
  readonly message: string
  readonly data?: ChatDataOutput<P>
}

export interface HandlerBatchItem<C, M> {
  readonly context: C
  readonly message: M
}

/** A handler that gets the messages of one room together, once there are `size` of them or the first is `ms` old. */
export interface HandlerBatch<C, M> {
  /** @default 10 */
  readonly size?: number
  /** @default 100 */
  readonly ms?: number
  handle(items: readonly HandlerBatchItem<C, M>[]): void | Promise<void>
}

const HANDLER_BATCH: OptionRules<HandlerBatch<unknown, unknown>> = {
  size: is.rule('a whole number above 0', (value) => Number.isSafeInteger(value) && Number(value) > 0),
  ms: is.positive,
  handle: is.function,
}

/**
 * Makes a {@link HandlerBatch} of its parts. Written as an object, `{ size, ms, handle }`, the compiler knows the fields of
 * the messages as well, which it cannot see through a call (there, annotate `items`).
 * @throws TypeError if `size` is no whole number above 0 or `ms` no number above 0
 */
export function handlerBatch<C, M>(
  options: { readonly size?: number; readonly ms?: number },
  handle: (items: readonly HandlerBatchItem<C, M>[]) => void | Promise<void>,
): HandlerBatch<C, M> & { readonly size: number; readonly ms: number } {
  assertOptions('handlerBatch', options, HANDLER_BATCH)
  const { size = 10, ms = 100 } = options
  return { size, ms, handle }
}

// One function type for every name, whose parts alone depend on it: a type that as a whole depended on the protocol
// would be settled by the compiler, with `D` unknown, before it has read `authenticate`.

/** What happens with each message; `chat_message` sees each chat message before it is logged, and returns it, changed or not. A throw refuses it. */
export type Handlers<P extends AnyProtocol = BuiltIn, D = unknown> = {
  readonly [K in Handled<P>]?: Handler<P, D, K> | BatchOf<P, D, K>
}

type Handled<P extends AnyProtocol> = (keyof P['client'] & string) | 'chat_message'

type Handler<P extends AnyProtocol, D, K> = (
  context: RoomContext<P, D>,
  message: HandledMessage<P, K>,
) => HandlerResult<P, K> | Promise<HandlerResult<P, K>>

type HandledMessage<P extends AnyProtocol, K> = K extends keyof P['client'] & string
  ? ClientMessageFor<P, K>
  : Chat<P>

type HandlerResult<P extends AnyProtocol, K> = K extends keyof P['client'] & string
  ? P['client'][K] extends Request
    ? ReplyInput<P['client'][K]>
    : // biome-ignore lint/suspicious/noConfusingVoidType: it is what a function returns
      void
  : Chat<P>

type BatchOf<P extends AnyProtocol, D, K> = K extends keyof P['client'] & string
  ? P['client'][K] extends Request
    ? never
    : HandlerBatch<RoomContext<P, D>, ClientMessageFor<P, K>>
  : never

export interface ServerOptions<P extends AnyProtocol = BuiltIn, D = unknown> {
  /** The application's own messages. @default none: the built-in ones alone */
  readonly protocol?: P
  /**
   * Turns a token into a user. A throw is taken for an outage: the connection is closed with 1013 and comes back.
   * @default everybody is let in under a random user id
   */
  readonly authenticate?: (request: AuthenticationRequest) => Authentication<D> | Promise<Authentication<D>>
  /**
   * Decides on each join, resume and history page, and on each message into a room. Anything but `true` denies;
   * a throw denies for now.
   * @default everybody may do everything
   */
  readonly authorize?: (request: AuthorizationRequest<P, D>) => boolean | Promise<boolean>
  /** What joins nodes and keeps the logs. @default memory() */
  readonly backplane?: Backplane
  /** @default DEFAULT_LIMITS */
  readonly limits?: Partial<Limits>
  /** Lifecycle hooks. They may be asynchronous; messages of one connection wait for each other. */
  readonly on?: Hooks<P, D>
  /** What happens with the application's messages, and with chat. */
  readonly handle?: Handlers<P, D>
  /**
   * Pages that may connect from a browser: `'same-host'`, or exact origins such as `'https://example.com'`, as browsers send
   * them: no wildcards, no default ports, other scripts in Punycode.
   * Others get HTTP 403 at the upgrade, and so does `'null'` (pages from `file://`, and sandboxed frames of any site)
   * unless it is listed. Requests without an Origin come from no browser and are let in.
   * @default 'same-host'
   */
  readonly origins?: 'same-host' | readonly string[]
  /** How many proxies in front of this server add to X-Forwarded-For. @default 0: the header is not believed */
  readonly trustedProxies?: number
  /**
   * Signs the sessions that give anonymous users their id back: 16 characters at the least, 32 random ones are better, since
   * who guesses it can be anybody. Nodes of one service share it.
   * @default kept by the backplane where it joins nodes; else random, so that a restart ends them
   */
  readonly sessionSecret?: string
  /** Where events are logged; a pino logger fits. @default warnings and errors to stderr */
  readonly logger?: Logger
  /** Brings its own time, for tests. @default the real clock */
  readonly clock?: Clock
}

export interface BroadcastOptions {
  /** Who does not get it: one connection, by its id (`context.connection.id`), or one `{ user }`. A user id alone is no connection's. */
  readonly except?: string | { readonly user: string }
  /** Of several messages with this key that wait for one flush, only the newest is sent, whoever it is for. */
  readonly coalesceKey?: string
}

export interface RoomInfo {
  readonly roomId: string
  /** Distinct users, those in grace included. */
  readonly count: number
  /** Connections on this node. */
  readonly connections: number
  /** Up to `limits.listedMembers` users by name; `undefined` in a larger room. */
  readonly members: readonly PresentUser[] | undefined
  /** The head of the room's log. */
  readonly head: Position
}

/** Which page of a log; without `before` and `after`, the newest. */
export interface HistoryOptions {
  /** Most entries. @default 50 */
  readonly limit?: number
  /** The entries before this offset. Not together with `after`. */
  readonly before?: number
  /** The entries after this offset. */
  readonly after?: number
}

export interface HistoryPage {
  /** Frames as members got them, in the order of their offsets. */
  readonly messages: readonly JsonObject[]
  readonly more: boolean
  readonly truncated: boolean
}

export interface ChatOptions<P extends AnyProtocol = BuiltIn> {
  /** The user in whose name the message stands. @default '@server', which is no user's id */
  readonly as?: string
  /** What the protocol's `chat` schema declares. */
  readonly data?: ChatDataInput<P>
}

/** The server's own chat messages. They are checked as a client's are; no handler and no `authorize` sees them. */
export interface RoomChat<P extends AnyProtocol = BuiltIn> {
  /**
   * Logs a chat message and sends it to everyone in the room.
   * @throws RoomfulError `message_empty`, `message_too_long` (`limits.textLength`), `invalid_text` or `invalid_message` if the text
   * or its data would be refused from a client, `forbidden` in `@me`; rejects as `publish` does where it was not logged.
   * TypeError if `as` is no user's id
   */
  send(text: string, options?: ChatOptions<P>): Promise<Position>
}

export interface RoomHandle<P extends AnyProtocol = BuiltIn> {
  readonly id: string
  readonly chat: RoomChat<P>
  /**
   * Logs a message and sends it to everyone in the room.
   * @throws RoomfulError `invalid_message` if its schema refuses it, `unavailable` if it was not logged as the backplane is
   * away, `outcome_unknown` if the backplane did not say whether it was: publishing it again may log it twice
   */
  publish(message: Publishable<P>): Promise<Position>
  /** Sends a volatile message to the room: no offset, not resumed. @throws RoomfulError `invalid_message` */
  broadcast(message: Broadcastable<P>, options?: BroadcastOptions): void
  /**
   * Removes a user's connections from the room, on every node. They may join again if `authorize` lets them.
   * @throws TypeError if the id is no user's
   */
  kick(userId: string): void
  info(): Promise<RoomInfo>
  /**
   * A page of the log: the newest entries, or those before or after an offset.
   * @throws TypeError for a number that is no whole one, 0 or more, for both offsets, or a misspelt name
   */
  history(options?: HistoryOptions): Promise<HistoryPage>
}

export interface UserHandle<P extends AnyProtocol = BuiltIn> {
  readonly id: string
  /** Sends a volatile message to every connection of the user. */
  broadcast(message: Broadcastable<P>): void
  /** Logs a message in the user's own stream, which every device joins as `@me`. Rejects as a room's `publish` does. */
  publish(message: Publishable<P>): Promise<Position>
  /**
   * Closes every connection of the user, on every node. @default 4501
   * @throws TypeError or RangeError for a code or a reason that WebSocket does not allow
   */
  disconnect(code?: number, reason?: string): void
  /** A page of the user's own stream, as of a room. */
  history(options?: HistoryOptions): Promise<HistoryPage>
}

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
  room(id: string): RoomHandle<P>
  /** Several rooms at once; a connection in more than one of them gets the message once. */
  rooms(ids: readonly string[]): { broadcast(message: Broadcastable<P>, options?: BroadcastOptions): void }
  user(id: string): UserHandle<P>
  users(ids: readonly string[]): { broadcast(message: Broadcastable<P>): void }
  /** Sends a volatile message to every connection of every node. */
  broadcast(message: Broadcastable<P>, options?: { readonly exceptUser?: string }): void
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
