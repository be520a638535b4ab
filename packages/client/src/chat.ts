import type { BuiltIn, ChatDataInput, Cursor, JsonObject } from '@roomful/protocol'
import type { Reaction } from './chat/reaction-counts.js'
import { type ReactionUsers, RoomChat } from './chat/room-chat.js'
import { RoomProfiles } from './chat/room-profiles.js'
import { type Head, Watcher, type WatchingClient } from './chat/watch.js'
import type { CoreClient } from './client.js'
import type { AnyProtocol } from './options/options.js'
import type { Sent } from './outbox/outbox-driver.js'
import type { LogMessage } from './room/messages.js'
import type { RoomCore } from './room/room.js'
import type { CoreRoom, MessageReference, Room } from './room/room-api.js'
import type { TimelineEntry } from './room/timeline-entry.js'
import type { Observable } from './runtime/observable.js'

export interface EditOptions<P extends AnyProtocol> {
  /** Data as described by the protocol's `chat` schema. @default none: an edit replaces the text and the data */
  readonly data?: ChatDataInput<P> | undefined
}

/**
 * What users may do with the chat messages of a room, and what they have read of them. Its functions may be called without
 * the object.
 */
export interface CoreChat<P extends AnyProtocol = BuiltIn> {
  /**
   * Replaces the text and the data of a message, also while offline. A `timeline` shows it at once. If an earlier edit
   * of the message has not been transmitted yet, or the message itself has not, this text goes in its place, and the
   * result is the same object.
   * @throws TypeError if `text` is not a string
   */
  readonly edit: (message: MessageReference, text: string, options?: EditOptions<P>) => Sent
  /**
   * Deletes a message for everybody, also while offline. A `timeline` shows it at once. A message that has not been
   * transmitted yet is taken back: its own result rejects with `cancelled`, and this one has `durability: 'none'`.
   */
  readonly delete: (message: MessageReference) => Sent
  /**
   * Adds a reaction to a message, such as an emoji, also while offline. `messages` shows it at once. One that was not
   * transmitted yet and is taken back is not sent at all: its own result rejects with `cancelled`, and that of the other call
   * has `durability: 'none'`.
   * @throws TypeError if `reaction` is not a string
   */
  readonly react: (message: MessageReference, reaction: string) => Sent
  /** Takes a reaction back. @throws TypeError if `reaction` is not a string */
  readonly unreact: (message: MessageReference, reaction: string) => Sent
  /**
   * Asks who reacted to a message in one way: user ids, 100 in a page unless `limit` says another number. Rejects with a
   * {@link RoomfulError}: `not_found`, `deleted`, or as `room.history()` does.
   */
  readonly reactions: (
    message: MessageReference,
    reaction: string,
    options?: { readonly limit?: number | undefined },
  ) => Promise<ReactionUsers>
  /**
   * Marks the room as read up to a message, or up to its newest entry; never back. All devices of the user learn of it,
   * and other members of a room that is not large. Call it as often as you like: it is sent at most once a second, and
   * again after a reconnect.
   */
  readonly markRead: (message?: MessageReference & { readonly epoch?: string | undefined }) => void
  /** How many messages of others are unread. 100 means that many or more. */
  readonly unread: Observable<number>
  /** How many of these mention the user. */
  readonly mentions: Observable<number>
  /** Up to where the user has read; `undefined` if nothing. */
  readonly mark: Observable<Cursor | undefined>
  /** Up to where others have read, by their ids. Large rooms do not tell. */
  readonly marks: Observable<ReadonlyMap<string, Cursor>>
}

/** A chat message with how many users reacted to it, and whether this user did. */
export type ReactedMessage<M> = M extends { readonly type: 'chat_message' }
  ? Omit<M, 'reactions'> & { readonly reactions?: readonly Reaction[] | undefined }
  : M

export interface Chat<P extends AnyProtocol = BuiltIn> extends CoreChat<P> {
  /**
   * The room's timeline, whose chat messages have `reactions: [{ reaction, count, own? }]`; absent if there are none. The
   * user's own are shown at once, and disappear again if the server refuses them.
   */
  readonly messages: Observable<readonly TimelineEntry<ReactedMessage<LogMessage<P>>>[]>
}

/**
 * Edits, deletes and reacts to the chat messages of a room: the user's own, and those of others as far as the server allows
 * it. Shows what is unread, and marks it as read. The same room gives the same object.
 */
export function chat<P extends AnyProtocol>(room: Room<P>): Chat<P>
export function chat<P extends AnyProtocol>(room: CoreRoom<P>): CoreChat<P>
export function chat<P extends AnyProtocol>(room: CoreRoom<P>): CoreChat<P> {
  const { core } = room as unknown as RoomCore
  core.amendments ??= new RoomChat(core)
  // One implementation serves every protocol. Its types describe what the schemas check at run time.
  return core.amendments as unknown as CoreChat<P>
}

/**
 * What users of a room are called, by user id: its members, those who were, and the authors of the messages of pages. Call
 * it before you join, so that nothing is missed; it knows up to 1,000 users. The same room gives the same object.
 *
 * @example profiles(room).get().get(message.user_id)?.name
 */
export function profiles<P extends AnyProtocol>(
  room: CoreRoom<P>,
): Observable<ReadonlyMap<string, JsonObject>> {
  const { core } = room as unknown as RoomCore
  core.profiles ??= new RoomProfiles(core)
  return core.profiles as RoomProfiles
}

const watchers = new WeakMap<object, Watcher>()

/**
 * Watches rooms without joining them: what is unread in each, for as long as somebody subscribes. `ids` may be an
 * observable, if they change. A room that the user may not watch is not in the map, and one in which nothing was ever
 * written may be missing. All lists of a client are one request, which is repeated after a reconnect; news come at most
 * once a second.
 */
export function watch<P extends AnyProtocol>(
  client: CoreClient<P>,
  ids: readonly string[] | Observable<readonly string[]>,
): Observable<ReadonlyMap<string, Head>> {
  const watcher = watchers.get(client) ?? new Watcher(client as unknown as WatchingClient)
  watchers.set(client, watcher)
  return watcher.list(ids)
}

export type { Reaction } from './chat/reaction-counts.js'
export type { ReactionUsers } from './chat/room-chat.js'
export type { Head } from './chat/watch.js'
export type { MessageReference } from './room/room-api.js'
