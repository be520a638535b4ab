import type { JsonObject } from '@roomful/protocol'
import type { Amendment, LogEntry } from '../../api/contracts/backplane.js'
import { isAmendmentText, isChatText, isErasedText, stateAfter, targetOf, versionOf } from './amending.js'
import { erasedText } from './erasure.js'
import { reactionsOf, withReactions } from './reactions.js'

/**
 * The messages of a page as they are after some later entries of the log: new messages follow, amendments change those that
 * they name. A store does the same where it appends.
 */
export function folded(page: readonly LogEntry[], later: readonly LogEntry[]): readonly LogEntry[] {
  if (later.length === 0) return page
  const entries = [...page]
  for (const entry of later) {
    if (isErasedText(entry.text)) eraseIn(entries, JSON.parse(entry.text))
    else if (isAmendmentText(entry.text)) amendIn(entries, entry)
    else entries.push(entry)
  }
  return entries
}

function eraseIn(entries: LogEntry[], { user_id: userId, through, offset }: JsonObject): void {
  for (const [index, entry] of entries.entries()) {
    const text = erasedText(entry.text, String(userId), Number(offset))
    // What the user wrote later stays: the entry itself, or the edit that made its state.
    if (text !== undefined && Math.max(entry.offset, versionOf(JSON.parse(entry.text))) <= Number(through))
      entries[index] = { ...entry, text }
  }
}

function amendIn(entries: LogEntry[], { offset, text }: LogEntry): void {
  const change = JSON.parse(text) as JsonObject
  const target = targetOf(change)
  const index = entries.findIndex((entry) => entry.offset === target.offset && entry.id === target.id)
  const found = entries[index]
  if (!found || !isChatText(found.text)) return
  const message = JSON.parse(found.text) as JsonObject
  if (versionOf(message) >= offset) return
  const next = changedBy(message, change, offset)
  if (next) entries[index] = { ...found, text: JSON.stringify(next) }
}

function changedBy(message: JsonObject, change: JsonObject, offset: number): JsonObject | undefined {
  if (change.type === 'reactions_erased') return withReactions(message, reactionsOf(change), offset)
  // A reaction of a user who is erased: what the message has since is in an entry that follows.
  if (change.type !== 'message_edited' && change.deleted) return undefined
  const timestampMs = Date.parse(String(change.timestamp))
  const next = stateAfter(message, amendmentOf(change), { offset, timestampMs })
  return change.deleted ? withoutText(next) : next
}

/** An edit whose text is gone takes the text of its target away, until a later entry says more. */
function withoutText({ epoch, offset, ...state }: JsonObject): JsonObject {
  return { ...state, deleted: true, epoch, offset }
}

const UNBOUNDED = { kinds: Number.POSITIVE_INFINITY, users: Number.POSITIVE_INFINITY }

/** What an entry changed. That it was allowed is why it is in the log. */
function amendmentOf(change: JsonObject): Amendment {
  const how = { target: targetOf(change), userId: String(change.user_id), moderates: true }
  const reaction = String(change.reaction)
  switch (change.type) {
    case 'message_deleted':
      return { kind: 'delete', ...how }
    case 'reaction_added':
      return { kind: 'react', reaction, most: UNBOUNDED, ...how }
    case 'reaction_removed':
      return { kind: 'unreact', reaction, ...how }
  }
  return {
    kind: 'edit',
    message: String(change.message),
    data: change.data as JsonObject | undefined,
    ...how,
  }
}
