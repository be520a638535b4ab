import type { BuiltIn, ChatDataInput } from '@roomful/protocol'
import { RoomChat } from './chat/room-chat.js'
import type { AnyProtocol } from './options/options.js'
import type { Sent } from './outbox/outbox-driver.js'
import type { RoomCore } from './room/room.js'
import type { CoreRoom, MessageReference } from './room/room-api.js'

export interface EditOptions<P extends AnyProtocol> {
  /** Data as described by the protocol's `chat` schema. @default none: an edit replaces the text and the data */
  readonly data?: ChatDataInput<P> | undefined
}

/** What users may do with the chat messages of a room. */
export interface Chat<P extends AnyProtocol = BuiltIn> {
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
}

/**
 * Edits and deletes the chat messages of a room: the user's own, and those of others if the server allows it. The same
 * room gives the same object.
 */
export function chat<P extends AnyProtocol>(room: CoreRoom<P>): Chat<P> {
  const { core } = room as unknown as RoomCore
  core.amendments ??= new RoomChat(core)
  // One implementation serves every protocol. Its types describe what the schemas check at run time.
  return core.amendments as unknown as Chat<P>
}

export type { MessageReference } from './room/room-api.js'
