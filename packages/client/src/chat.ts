import type { BuiltIn, ChatDataInput, JsonObject } from '@roomful/protocol'
import type { Reaction } from './chat/reaction-counts.js'
import { type ReactionUsers, RoomChat } from './chat/room-chat.js'
import { RoomProfiles } from './chat/room-profiles.js'
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

/** What users may do with the chat messages of a room. */
export interface CoreChat<P extends AnyProtocol = BuiltIn> {
  /**
   * Replaces the text and the data of a message, also while offline. A `timeline` shows it at once. If an earlier edit
   * of the message has not been transmitted yet, or the message itself has not, this text goes in its place, and the
   * result is the same object.
   * @throws TypeError if `text` is not a string
   */
  edit(message: MessageReference, text: string, options?: EditOptions<P>): Sent
  /**
   * Deletes a message for everybody, also while offline. A `timeline` shows it at once. A message that has not been
   * transmitted yet is taken back: its own result rejects with `cancelled`, and this one has `durability: 'none'`.
   */
  delete(message: MessageReference): Sent
  /**
   * Adds a reaction to a message, such as an emoji, also while offline. `messages` shows it at once. One that was not
   * transmitted yet and is taken back is not sent at all: its own result rejects with `cancelled`, and that of the other call
   * has `durability: 'none'`.
   * @throws TypeError if `reaction` is not a string
   */
  react(message: MessageReference, reaction: string): Sent
  /** Takes a reaction back. @throws TypeError if `reaction` is not a string */
  unreact(message: MessageReference, reaction: string): Sent
  /**
   * Asks who reacted to a message in one way: user ids, 100 in a page unless `limit` says another number. Rejects with a
   * {@link RoomfulError}: `not_found`, `deleted`, or as `room.history()` does.
   */
  reactions(
    message: MessageReference,
    reaction: string,
    options?: { readonly limit?: number | undefined },
  ): Promise<ReactionUsers>
}

/** A chat message with how many users reacted to it, and whether this user did. */
export type ReactedMessage<M> = M extends { readonly type: 'chat_message' }
  ? Omit<M, 'reactions'> & { readonly reactions?: readonly Reaction[] }
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
 * it. The same room gives the same object.
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

export type { Reaction } from './chat/reaction-counts.js'
export type { ReactionUsers } from './chat/room-chat.js'
export type { MessageReference } from './room/room-api.js'
