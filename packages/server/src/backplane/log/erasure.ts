import type { JsonObject } from '@roomful/protocol'
import {
  isChatText,
  isDeletedText,
  isEditText,
  isReactionText,
  redactedEdit,
  targetOf,
  tombstoneOf,
} from './amending.js'
import { redactedReaction } from './reactions.js'

/** It stands in each text that mentions somebody. */
export const START_OF_MENTIONS = ',"mentions":['

export interface Erasure {
  readonly id: string
  readonly roomId: string
  readonly userId: string
  /** The offset of the newest entry that was erased. */
  readonly through: number
  readonly timestampMs: number
}

/** The entry that says so to the members of a room. */
export function erasedMessage({ id, roomId, userId, through, timestampMs }: Erasure): JsonObject {
  const timestamp = new Date(timestampMs).toISOString()
  return { type: 'messages_erased', user_id: userId, through, timestamp, room_id: roomId, id }
}

/**
 * The text of an entry after the erasure of what a user wrote: their messages, edits and reactions, the messages of others
 * whose present text is theirs, and all edits of a message that becomes a tombstone. What they deleted loses the client id
 * alone. `undefined` if it stays.
 */
export function erasedText(
  text: string,
  userId: string,
  /** The newest offset of the log. No earlier entry may change the tombstone, wherever a reader has it from. */
  head: number,
  /** Whether the message at this offset became a tombstone. */
  isGone: (offset: number) => boolean = () => false,
): string | undefined {
  const [isMessage, isReaction, isEdit] = [isChatText(text), isReactionText(text), isEditText(text)]
  // Most entries are somebody else's, and need not be parsed.
  if (!isMessage && !isReaction && !isEdit && !isDeletedText(text)) return undefined
  if (!isEdit && !text.includes(JSON.stringify(userId))) return undefined
  const entry = JSON.parse(text) as JsonObject
  const isOwn = entry.user_id === userId
  const hasNoText = isDeletedText(text) || isWithoutText(entry)
  if (hasNoText) return isOwn && entry.client_id !== undefined ? anonymous(entry) : undefined
  if (isReaction) return isOwn ? JSON.stringify(redactedReaction(entry)) : undefined
  if (isEdit) return isOwn || isGone(targetOf(entry).offset) ? redacted(entry, isOwn) : undefined
  if (!isOwn && entry.edited_by !== userId) return undefined
  return JSON.stringify(tombstoneOf(withoutClientId(entry, isOwn), head))
}

/** A message of somebody else without the user among its mentions. `undefined` if it stays. */
export function unmentionedText(text: string, userId: string): string | undefined {
  if (!isChatText(text) || !text.includes(START_OF_MENTIONS) || !text.includes(JSON.stringify(userId))) return
  const message = JSON.parse(text) as JsonObject
  const mentions = Array.isArray(message.mentions) ? message.mentions : []
  const others = mentions.filter((id) => id !== userId)
  if (others.length === mentions.length) return
  return JSON.stringify({ ...message, mentions: others.length > 0 ? others : undefined })
}

/** What was deleted before still has its client id, and so has the deletion. */
function anonymous(entry: JsonObject): string {
  return JSON.stringify(withoutClientId(entry, true))
}

/** A message whose last edit has lost its text is no tombstone yet. */
function isWithoutText({ type, deleted, edited_at }: JsonObject): boolean {
  return deleted === true && (type !== 'chat_message' || edited_at === undefined)
}

function redacted(entry: JsonObject, isOwn: boolean): string {
  return JSON.stringify(redactedEdit(withoutClientId(entry, isOwn)))
}

/** The user chose it. */
function withoutClientId(entry: JsonObject, isOwn: boolean): JsonObject {
  return isOwn ? { ...entry, client_id: undefined } : entry
}
