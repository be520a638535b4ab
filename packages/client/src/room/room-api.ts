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
import type { OwnReactions } from './loggable.js'
import type { LogMessage, RoomEvents, Snapshot } from './messages.js'
import type { RoomStatus } from './room-state.js'
import type { TimelineEntry } from './timeline-entry.js'
import type { Typing } from './typing.js'

export interface JoinOptions {
  /** How many entries of the past to load. @default 0 */
  readonly history?: number
  /**
   * What a server rendered. The timeline shows it at once, and the room continues after it, so nothing is missed or shown
   * twice. If the room cannot continue there, it loads `history`. A room that has read further ignores `initial`.
   */
  readonly initial?: Snapshot | undefined
}

export interface JoinResult<P extends AnyProtocol> {
  readonly members: readonly Member[]
  /**
   * Entries that the join brought and that no handler receives: the requested past, or what was missed since `leave`.
   * Handlers are told of edits and deletions that were missed right after it. If that log is gone (`resync` with `forked`
   * or `epoch_changed`), it holds nothing of it.
   */
  readonly messages: readonly LogMessage<P>[]
  /** Whether the room continues without a gap; `undefined` if there was nothing to continue. */
  readonly recovered: boolean | undefined
}

/** A chat message: from the timeline, from a handler or a page, or the result of a `send`. */
export interface MessageReference {
  readonly id?: string | undefined
  readonly offset?: number | undefined
  /** Names an own message that has no position yet. */
  readonly client_id?: string | undefined
  /** The same, in what `send` returns. */
  readonly clientId?: string | undefined
}

export interface SendOptions<P extends AnyProtocol> {
  /** Data as described by the protocol's `chat` schema. */
  readonly data?: ChatDataInput<P> | undefined
  /** The message that this one answers. It must have a position: an own one gets it with its acknowledgement. */
  readonly replyTo?: MessageReference | undefined
  /** The ids of the users that it speaks to, at most 50. */
  readonly mentions?: readonly string[] | undefined
}

export interface RequestOptions {
  /**
   * Time for the answer, in ms; then the promise rejects with `timeout`.
   * @default the client's `timeouts.requestMs`
   */
  readonly timeoutMs?: number
  /** Stops waiting: the promise rejects with `cancelled`. The server may still carry out the request. */
  readonly signal?: AbortSignal
}

export interface HistoryOptions {
  /** Maximum number of entries in a page. @default 50 */
  readonly limit?: number | undefined
  /** Loads the newest entries below this offset. Use only one of `before`, `after` and `around`. */
  readonly before?: number | undefined
  /** Loads the oldest entries above this offset. */
  readonly after?: number | undefined
  /**
   * Loads this message and, half each, the entries before and after it: to jump to what an answer (`reply_to`) or a
   * notification names. Rejects with `not_found` if the log does not hold the message; a deleted one is there.
   */
  readonly around?: MessageReference | undefined
}

export interface HistoryPage<P extends AnyProtocol> {
  /** In ascending order of offset. */
  readonly messages: readonly LogMessage<P>[]
  /** Whether there are further entries in that direction; with `around`, before these. */
  readonly more: boolean
  /** Whether there are further entries after these, which only a page with `around` says. */
  readonly moreAfter: boolean | undefined
  /** Whether entries in that direction once existed and are gone. */
  readonly truncated: boolean
  /** Which of the reactions in these messages are the user's own. */
  readonly ownReactions: readonly OwnReactions[]
  /** The next page in the same direction; after a page with `around`, the one before it. */
  next(): Promise<HistoryPage<P>>
}

/** The handle of a room, without a timeline. The same room gives the same handle until it is released. */
export interface CoreRoom<P extends AnyProtocol = BuiltIn> {
  readonly id: string
  readonly status: Observable<RoomStatus>
  /** The users in the room and their state, in rooms of up to 200 users. */
  readonly members: Observable<readonly Member[]>
  /** The number of users in the room. */
  readonly occupancy: Observable<number>
  readonly typing: Pick<Typing, 'get' | 'subscribe' | 'keystroke' | 'stop'>
  readonly presence: {
    /**
     * Sets this user's state in the room, and again after each reconnect. Everyone, this user included, sees it in
     * `members`.
     */
    set(state: JsonObject): void
  }
  /**
   * Joins the room, and again after each reconnect, until `leave`. Idempotent. Connects a client that is not
   * connected yet. Resolves once the room is live, however long the network takes. Rejects with a
   * {@link RoomfulError} if the join is refused, with `closed` after `client.close()`, and with the error of the connection
   * after a permanent failure, until `connect()` is called.
   */
  join(options?: JoinOptions): Promise<JoinResult<P>>
  /**
   * Leaves the room. Resolves when the server has confirmed it. With `whenSent`, that waits until the server has answered
   * what was sent to the room, however long the network takes, and `join()` takes it back meanwhile. Without it, what
   * waits is refused with `not_in_room`, and `outcome_unknown` if it was transmitted.
   */
  leave(options?: { readonly whenSent?: boolean }): Promise<void>
  /**
   * Leaves, and gives up this handle and everything that the room shows: `client.room()` then returns a new handle. A
   * room that was left and has no handlers, listeners or waiting messages is released by itself once nobody holds its
   * handle.
   */
  release(): void
  /**
   * Sends a chat message, also while offline. A `timeline` shows it at once.
   * @throws TypeError if `message` is not a string
   */
  send(message: string, options?: SendOptions<P>): Sent
  /** Sends an application message, fire-and-forget. Returns whether it was sent. @throws RoomfulError `invalid_message`, `too_large` */
  emit<K extends PlainName<P>>(type: K, body: BodyInput<P['client'][K]>): boolean
  /**
   * Rejects with a {@link RoomfulError}: the server's code, `too_large`, `timeout`, `not_connected`, or
   * `outcome_unknown` if the connection broke.
   */
  request<K extends RequestName<P>>(
    type: K,
    body: BodyInput<P['client'][K]>,
    options?: RequestOptions,
  ): Promise<ReplyOutput<P['client'][K]>>
  /**
   * Loads a page of the past; a `timeline` also shows it if it adjoins. Without `before`, `after` and `around`, loads the
   * newest entries.
   */
  history(options?: HistoryOptions): Promise<HistoryPage<P>>
  /**
   * Returns an unsubscribe function; calling it twice is safe. Handlers run synchronously, in the order of the log.
   */
  on<K extends keyof RoomEvents<P>>(type: K, handler: (event: RoomEvents<P>[K]) => void): () => void
}

/** The handle of a room. The same room gives the same handle until it is released. */
export interface Room<P extends AnyProtocol = BuiltIn> extends CoreRoom<P> {
  readonly timeline: Observable<readonly TimelineEntry<LogMessage<P>>[]>
}
