import type { JsonObject } from '@roomful/protocol'

/**
 * A chat message without what its user wrote: its id, user and time stay, so that the log has no hole. Its `client_id` goes,
 * since the user chose it.
 */
export function tombstoneOf({ type, timestamp, user_id, room_id, id, ...place }: JsonObject): JsonObject {
  const { epoch, offset } = place
  const kept = { type, message: '', timestamp, user_id, room_id, id, deleted: true }
  return epoch === undefined ? kept : { ...kept, epoch, offset }
}

export interface Erasure {
  readonly id: string
  readonly roomId: string
  readonly userId: string
  /** The offset of the newest message that was erased. */
  readonly through: number
  readonly timestampMs: number
}

/** The entry that says so to the members of a room. */
export function erasedMessage({ id, roomId, userId, through, timestampMs }: Erasure): JsonObject {
  const timestamp = new Date(timestampMs).toISOString()
  return { type: 'messages_erased', user_id: userId, through, timestamp, room_id: roomId, id }
}

/** Whether an entry's text is of that kind. By its beginning: it is asked for each entry that is sent. */
export function isErasedText(text: string): boolean {
  return text.startsWith('{"type":"messages_erased",')
}

/** The text of an entry after the erasure; `undefined` for what the user did not write, or was erased already. */
export function erasedText(text: string, userId: string): string | undefined {
  // Most entries are somebody else's, and need not be parsed.
  if (!text.startsWith('{"type":"chat_message",') || !text.includes(JSON.stringify(userId))) return undefined
  const message = JSON.parse(text) as JsonObject
  return message.user_id === userId && message.deleted !== true
    ? JSON.stringify(tombstoneOf(message))
    : undefined
}
