import type { Broadcastable, BuiltIn, ChatDataInput, Member, Publishable, Target } from '@roomful/protocol'
import type { OwnReactions, Position, PresentUser } from '../contracts/backplane.js'
import type { User } from '../hooks/authentication.js'
import type { AnyProtocol } from '../protocol.js'
import type { ListOptions } from './listings.js'
import type { LogMessage } from './log-message.js'
import type { RestrictionList, RestrictionOptions } from './restrictions.js'

export interface BroadcastOptions {
  /**
   * Excludes one connection, by its id (`context.connection.id`), or one user, as `{ user }`. A bare user id is not a
   * connection's id.
   */
  readonly except?: string | { readonly user: string }
  /**
   * If several messages with this key wait for the same flush, only the newest is sent, whoever its receivers are.
   */
  readonly coalesceKey?: string
}

export interface RoomInfo {
  readonly roomId: string
  /** Distinct users, including those in their grace period. */
  readonly count: number
  /** Connections on this node. */
  readonly connections: number
  /** The users, if there are at most `limits.listedMembers`; `undefined` in a larger room. */
  readonly members: readonly PresentUser[] | undefined
  /** The head of the room's log. */
  readonly head: Position
}

/** Which page of a log to read; without `before` and `after`, the newest. */
export interface HistoryOptions {
  /** Maximum number of messages. @default 50 */
  readonly limit?: number
  /** Reads the messages before this offset. Use only one of `before`, `after` and `around`. */
  readonly before?: number
  /** Reads the messages after this offset. */
  readonly after?: number
  /**
   * Reads this message and, half each, the messages before and after it. Any object with its `offset` and `id` will do, such
   * as the `reply_to` of an answer. Rejects with `not_found` if the log does not hold it; a deleted one is there.
   */
  readonly around?: Target
}

export interface HistoryPage<P extends AnyProtocol = BuiltIn> {
  /** In ascending order of offset. Chat messages are in their present state. */
  readonly messages: readonly LogMessage<P>[]
  /** Whether there are further messages in that direction; with `around`, before these. */
  readonly more: boolean
  /** Whether there are further messages after these, which only a page with `around` says. */
  readonly moreAfter?: boolean
  /** Whether messages in that direction once existed and are gone. */
  readonly truncated: boolean
}

export interface SnapshotOptions {
  /**
   * The user who will see it: the id, or the whole user if your `authorize` reads `data` or `profile`, which it gets as
   * they are here. `@server` reads without asking `authorize`.
   */
  readonly as: string | User
  /** Maximum number of messages. @default 50 */
  readonly limit?: number
}

/**
 * A room at one moment, as plain JSON. A client that joins with `since: cursor` receives exactly what was logged after
 * `messages`.
 */
export interface Snapshot<P extends AnyProtocol = BuiltIn> {
  /** The newest ones, in ascending order of offset. Chat messages are in their present state. */
  readonly messages: readonly LogMessage<P>[]
  /** Whether the log holds older entries. */
  readonly more: boolean
  /** The users in the room, if there are at most `limits.listedMembers`; `undefined` in a larger room. */
  readonly members: readonly Member[] | undefined
  /** Distinct users, including those in their grace period. */
  readonly count: number
  /** The position of the last entry of the log; in an empty room, its beginning. */
  readonly cursor: Position
  /** What the user who will see it reacted to these messages, by their offsets. */
  readonly own_reactions?: readonly OwnReactions[]
}

/** The position of a message that is in the log. */
export interface Published extends Position {
  /** Whether an earlier call with the same `key` had logged it; the position is that of the first. */
  readonly duplicate: boolean
}

export interface PublishOptions {
  /**
   * Idempotency key, up to 256 characters: the same message with the same key is logged once in this room, and a
   * repeat resolves with the position of the first and `duplicate: true`. The key is remembered for as long as the room's log keeps the
   * entry.
   * @default none: each call logs the message
   */
  readonly key?: string
}

export interface ChatOptions<P extends AnyProtocol = BuiltIn> {
  /** The user in whose name the message is sent. @default '@server', which is not a user's id */
  readonly as?: string
  /** Data as declared by the protocol's `chat` schema. */
  readonly data?: ChatDataInput<P>
  /** The message that this one answers: its `offset` and `id`, or the whole message. */
  readonly replyTo?: Target
  /** The ids of the users that it mentions, at most 50. */
  readonly mentions?: readonly string[]
  /** Idempotency key, as in `publish`; both share the same keys. */
  readonly key?: string
}

/** `as` is shown as the one who edited the message, if that is not its author. */
export type EditOptions<P extends AnyProtocol = BuiltIn> = Pick<ChatOptions<P>, 'as' | 'data' | 'key'>

export type DeleteOptions = Pick<ChatOptions, 'as' | 'key'>

export type ReactOptions = Pick<ChatOptions, 'as' | 'key'>

/**
 * The server's own chat messages. They are validated like a client's; no handler and no `authorize` is called for
 * them. The server may change everybody's messages.
 */
export interface RoomChat<P extends AnyProtocol = BuiltIn> {
  /**
   * Logs a chat message and sends it to everyone in the room.
   * @throws RoomfulError `message_empty`, `message_too_long` (`limits.textLength`), `invalid_text` or
   * `invalid_message` if the text or its data would be refused from a client, `forbidden` in `@me`; rejects like
   * `publish` if it was not logged. TypeError if `as` is not a user id
   */
  send(text: string, options?: ChatOptions<P>): Promise<Published>
  /**
   * Replaces the text and the data of a chat message; without `data`, it has none afterwards. Members receive
   * `message_edited`, and the log has the new text in the place of the old one. If nothing would change, nothing is logged:
   * `duplicate` is true.
   * @throws RoomfulError `not_found` if the log does not keep this message, `deleted` if it was deleted; and like `send`.
   * TypeError if the backplane cannot change what is logged
   *
   * @example await room.chat.edit(message, 'corrected')
   */
  edit(target: Target, text: string, options?: EditOptions<P>): Promise<Published>
  /**
   * Deletes a chat message: no text of it is left in the log, nor of its edits. Members receive `message_deleted`.
   * @throws RoomfulError `not_found`, `deleted`; and rejects like `publish`. TypeError if the backplane cannot change what is
   * logged
   */
  delete(target: Target, options?: DeleteOptions): Promise<Published>
  /**
   * Adds a reaction to a chat message, such as an emoji. Members receive `reaction_added`. If the user has reacted so before,
   * nothing is logged: `duplicate` is true.
   * @throws RoomfulError `invalid_message` for one that is blank or longer than `limits.reactionBytes`, `not_found`,
   * `deleted`, `reaction_limit` if the message has as many as the limits allow; and rejects like `publish`. TypeError if the
   * backplane keeps no reactions
   *
   * @example await room.chat.react(message, '👍', { as: 'ana' })
   */
  react(target: Target, reaction: string, options?: ReactOptions): Promise<Published>
  /** Takes a reaction back. Members receive `reaction_removed`. Rejects like `react`. */
  unreact(target: Target, reaction: string, options?: ReactOptions): Promise<Published>
}

export interface RoomHandle<P extends AnyProtocol = BuiltIn> {
  readonly id: string
  readonly chat: RoomChat<P>
  /**
   * Logs a message and sends it to everyone in the room.
   * @throws RoomfulError `invalid_message` if its schema rejects it; `id_conflict` if its key was used for another
   * message; `unavailable` if it was not logged because the backplane is unreachable; `outcome_unknown` if the
   * backplane did not say whether it was logged, so that publishing it again may log it twice. With a key the last
   * case is `unavailable` too: publish it again with the same key. TypeError for a key that is empty, too long or not
   * valid Unicode
   */
  publish(message: Publishable<P>, options?: PublishOptions): Promise<Published>
  /** Sends a volatile message to the room: no offset, not resumed. @throws RoomfulError `invalid_message` */
  broadcast(message: Broadcastable<P>, options?: BroadcastOptions): void
  /**
   * Removes a user's connections from the room, on every node. They may join again if `authorize` allows it.
   * @throws TypeError if this is not a user id
   */
  kick(userId: string): void
  /**
   * Refuses the user's chat messages, edits and reactions in this room, on every node, with the error `muted`, which says
   * when it ends. The user may read on, delete what they wrote, and take reactions back. Resolves once none of their messages is accepted; replaces an
   * earlier mute. Survives a restart with `sqlite()` and `redis()`.
   * @throws TypeError for a wrong argument, or if the backplane cannot. RoomfulError `unavailable`
   *
   * @example await server.room('general').mute('ana', { forMs: 600_000 })
   */
  mute(userId: string, options?: RestrictionOptions): Promise<void>
  /** Ends a mute. @throws as `mute` */
  unmute(userId: string): Promise<void>
  /**
   * Removes the user from this room, on every node, and refuses their joins with the error `banned`, which says when it
   * ends. Otherwise like `mute`.
   * @throws as `mute`
   */
  ban(userId: string, options?: RestrictionOptions): Promise<void>
  /** Ends a ban. @throws as `mute` */
  unban(userId: string): Promise<void>
  /**
   * Lists who is muted in this room or banned from it now, page by page.
   * @throws TypeError for a wrong option, or if the backplane cannot. RoomfulError `unavailable`
   */
  listRestrictions(options?: ListOptions): Promise<RestrictionList>
  info(): Promise<RoomInfo>
  /**
   * Reads a page of messages: the newest, or those before or after an offset.
   * @throws TypeError for a number that is not a whole number of 0 or more, for both offsets, or for a misspelt name
   */
  history(options?: HistoryOptions): Promise<HistoryPage<P>>
  /**
   * Reads what a user would see when joining the room, to render a page with it: the newest messages, the members, and a
   * cursor from which the client continues. `authorize` is called for the user's `join`. `on.join` is not, because nobody
   * joins.
   * @throws RoomfulError the error that would refuse the join: `banned` from the room or the server, `forbidden`, a code of
   * your own, or `unavailable` if `authorize` throws. TypeError without `as`, or for a wrong option
   *
   * @example const initial = await server.room('general').snapshot({ as: session.userId })
   */
  snapshot(options: SnapshotOptions): Promise<Snapshot<P>>
  /**
   * Deletes the room's log at once, and begins an empty one; the members stay, and are told by `resync` with `epoch_changed`. Its
   * bytes go from the store in steps.
   * @throws TypeError if the backplane cannot. RoomfulError `unavailable`
   */
  delete(): Promise<void>
}

export interface UserHandle<P extends AnyProtocol = BuiltIn> {
  readonly id: string
  /** Sends a volatile message to every connection of the user. */
  broadcast(message: Broadcastable<P>): void
  /** Logs a message in the user's own stream, which every device joins as `@me`. Rejects as a room's `publish` does. */
  publish(message: Publishable<P>, options?: PublishOptions): Promise<Published>
  /**
   * Closes every connection of the user, on every node.
   * @default 4501
   * @throws TypeError or RangeError for a code or a reason that WebSocket does not allow
   */
  disconnect(code?: number, reason?: string): void
  /**
   * Erases what the user wrote: the text and data of every chat message, in every room, and the user's own stream. Each
   * message keeps its position, with `deleted: true`, and members receive `messages_erased`. Resolves once it is done; a
   * call while another one runs for the same user joins it. The user stays connected and may write on.
   * @throws TypeError if the backplane cannot. RoomfulError `unavailable`: on Redis, call it again, to do the rest
   */
  erase(): Promise<void>
  /** Reads a page of the user's own stream, like a room's `history`. */
  history(options?: HistoryOptions): Promise<HistoryPage<P>>
}
