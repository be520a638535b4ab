import type {
  BodyInput,
  BuiltIn,
  ChatDataInput,
  JsonObject,
  Member,
  PlainName,
  ReplyOutput,
  RequestName,
} from '@roomful/protocol'
import type { AnyProtocol } from '../options/options.js'
import type { Sent } from '../outbox/outbox-driver.js'
import type { Observable } from '../runtime/observable.js'
import type { LogMessage, RoomEvents } from './messages.js'
import type { RoomStatus } from './room-state.js'
import type { TimelineEntry } from './timeline.js'
import type { Typing } from './typing.js'

export interface JoinOptions {
  /** Entries of the past to begin with. @default 0 */
  readonly history?: number
}

export interface JoinResult<P extends AnyProtocol> {
  readonly members: readonly Member[]
  /** What the join brought and no handler gets: the past that was asked for, or what was missed since `leave`. */
  readonly messages: readonly LogMessage<P>[]
  /** Whether it continues without a gap; `undefined` if there was nothing to continue. */
  readonly recovered: boolean | undefined
}

export interface SendOptions<P extends AnyProtocol> {
  /** What the protocol's `chat` schema describes. */
  readonly data?: ChatDataInput<P>
}

export interface RequestOptions {
  /** Time for the answer, in ms; then the promise rejects with `timeout`. @default the client's `timeouts.requestMs` */
  readonly timeoutMs?: number
  /** Stops waiting: the promise rejects with `cancelled`. The server may still carry the request out. */
  readonly signal?: AbortSignal
}

export interface HistoryOptions {
  /** Entries in a page. @default 50 */
  readonly limit?: number | undefined
  /** Only entries below this offset, the newest of them. */
  readonly before?: number | undefined
  /** Only entries above this offset, the oldest of them. */
  readonly after?: number | undefined
}

export interface HistoryPage<P extends AnyProtocol> {
  /** Ascending by offset. */
  readonly messages: readonly LogMessage<P>[]
  /** Whether there are further entries in that direction. */
  readonly more: boolean
  /** Whether entries in that direction once existed and are gone. */
  readonly truncated: boolean
  /** The page that follows in the same direction. */
  next(): Promise<HistoryPage<P>>
}

/** A handle of one room, without a timeline. The same room gives the same handle, until it is released. */
export interface CoreRoom<P extends AnyProtocol = BuiltIn> {
  readonly id: string
  readonly status: Observable<RoomStatus>
  /** Who is here and their state, in rooms of up to 200 users. */
  readonly members: Observable<readonly Member[]>
  /** How many users are here. */
  readonly occupancy: Observable<number>
  readonly typing: Pick<Typing, 'get' | 'subscribe' | 'keystroke' | 'stop'>
  readonly presence: {
    /** Tells the others this user's state in the room, again after each reconnect. It comes back in `members`. */
    set(state: JsonObject): void
  }
  /**
   * Becomes a member, and one again after each reconnect, until `leave`. Idempotent. Connects a client that has not been
   * connected yet.
   * Resolves once the room is live, however long the network takes; rejects with a {@link RoomfulError} if that is refused,
   * after `client.close()` with `closed`, and after a failure for good with that one, until `connect()` is called.
   */
  join(options?: JoinOptions): Promise<JoinResult<P>>
  /** Ends the membership. Resolves when the server knows. */
  leave(): Promise<void>
  /**
   * Leaves, and gives up everything that the room shows and this handle: `client.room()` then returns a new one. A room that
   * was left, with no handlers, listeners or waiting messages, is released by itself once nobody holds its handle.
   */
  release(): void
  /** Sends a chat message; works while offline, too. Shown at once in a `timeline`. @throws TypeError for what is no text */
  send(message: string, options?: SendOptions<P>): Sent
  /** Sends an application message, fire-and-forget. Returns whether it was sent. @throws RoomfulError `invalid_message`, `too_large` */
  emit<K extends PlainName<P>>(type: K, body: BodyInput<P['client'][K]>): boolean
  /** Rejects with a {@link RoomfulError}: the server's code, `too_large`, `timeout`, `not_connected`, or `outcome_unknown` if the connection broke. */
  request<K extends RequestName<P>>(
    type: K,
    body: BodyInput<P['client'][K]>,
    options?: RequestOptions,
  ): Promise<ReplyOutput<P['client'][K]>>
  /** A page of the past, also shown in a `timeline` where it adjoins. Without `before` or `after` the newest. */
  history(options?: HistoryOptions): Promise<HistoryPage<P>>
  /** Returns an unsubscribe function; calling it twice is safe. Handlers run synchronously, in the order of the log. */
  on<K extends keyof RoomEvents<P>>(type: K, handler: (event: RoomEvents<P>[K]) => void): () => void
}

/** A handle of one room. The same room gives the same handle, until it is released. */
export interface Room<P extends AnyProtocol = BuiltIn> extends CoreRoom<P> {
  readonly timeline: Observable<readonly TimelineEntry<LogMessage<P>>[]>
}
