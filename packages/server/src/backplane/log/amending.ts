import type { JsonObject, Target } from '@roomful/protocol'
import type { Amendment, Reacting } from '../../api/contracts/backplane.js'
import { canonicalJson } from '../../util/canonical-json.js'
import { isoTime } from '../../util/iso-time.js'
import { addedTo, isFull, type Reacted, reactionsOf, removedFrom, withReactions } from './reactions.js'

/** An entry as the log has it. The text may lack `epoch` and `offset`. */
export interface Found {
  readonly id: string
  readonly text: string
}

/** The entry that an amendment will be. */
export interface AmendingEntry {
  readonly offset: number
  readonly timestampMs: number
}

export type Amended =
  | { readonly status: 'not_found' | 'deleted' | 'forbidden' | 'reaction_limit' }
  /** Nothing would change: the entry at this offset made the state that is asked for. */
  | { readonly status: 'unchanged'; readonly madeAt: number }
  | {
      readonly status: 'changed'
      /** What the target's text becomes. */
      readonly text: string
      /** Edits of the target up to this offset must lose their texts as well; 0 if there are none. */
      readonly redactThrough: number
    }

/**
 * What an amendment does to its target, which is the entry at its offset, if the log keeps one.
 * @param reacted for a reaction: what is noted of it
 */
export function amend(
  found: Found | undefined,
  amendment: Amendment,
  entry: AmendingEntry,
  reacted?: Reacted,
): Amended {
  const { target, userId, moderates } = amendment
  const message = messageAt(found, target)
  if (!message) return { status: 'not_found' }
  if (message.deleted === true) return { status: 'deleted' }
  if (isReacting(amendment)) return react(message, amendment, entry, reacted)
  if (message.user_id !== userId && !moderates) return { status: 'forbidden' }
  const version = versionOf(message)
  if (isState(message, amendment)) return { status: 'unchanged', madeAt: version || target.offset }
  const next = stateAfter(message, amendment, entry)
  // Of a message that was never edited, only reactions were added to the log.
  const redactThrough = amendment.kind === 'delete' && message.edited_at !== undefined ? version : 0
  return { status: 'changed', text: JSON.stringify(next), redactThrough }
}

/** The chat message that a target names, if that is what was found. */
export function messageAt(found: Found | undefined, target: Target): JsonObject | undefined {
  return found?.id === target.id && isChatText(found.text) ? JSON.parse(found.text) : undefined
}

export function isReacting(amendment: Amendment): amendment is Amendment & Reacting {
  return amendment.kind === 'react' || amendment.kind === 'unreact'
}

function react(
  message: JsonObject,
  reacting: Amendment & Reacting,
  entry: AmendingEntry,
  { isOn, madeAt }: Reacted = { isOn: false, madeAt: reacting.target.offset },
): Amended {
  if (isOn === (reacting.kind === 'react')) return { status: 'unchanged', madeAt }
  if (reacting.kind === 'react' && isFull(reactionsOf(message), reacting.reaction, reacting.most))
    return { status: 'reaction_limit' }
  return { status: 'changed', text: JSON.stringify(stateAfter(message, reacting, entry)), redactThrough: 0 }
}

/** The offset of the last entry that changed a message; 0 if none did. */
export function versionOf({ version }: JsonObject): number {
  return typeof version === 'number' ? version : 0
}

/** Whether a message already says what an edit would make it say. */
function isState(message: JsonObject, amendment: Amendment): boolean {
  if (amendment.kind !== 'edit' || message.message !== amendment.message) return false
  return canonicalJson(message.data) === canonicalJson(amendment.data)
}

/** The present state of a message after an amendment, which must be allowed. */
export function stateAfter(message: JsonObject, amendment: Amendment, entry: AmendingEntry): JsonObject {
  switch (amendment.kind) {
    case 'edit':
      return editedBy(message, amendment, entry)
    case 'delete':
      return { ...tombstoneOf(message, entry.offset) }
    case 'react':
      return withReactions(message, addedTo(reactionsOf(message), amendment.reaction), entry.offset)
    case 'unreact':
      return withReactions(message, removedFrom(reactionsOf(message), amendment.reaction), entry.offset)
  }
}

function editedBy(
  {
    epoch,
    offset,
    data: _data,
    edited_at: _at,
    edited_by: _by,
    deleted: _gone,
    version: _version,
    ...kept
  }: JsonObject,
  { message, data, userId }: Amendment & { readonly kind: 'edit' },
  entry: AmendingEntry,
): JsonObject {
  const edited = { edited_at: isoTime(entry.timestampMs), version: entry.offset }
  const editor = userId === kept.user_id ? {} : { edited_by: userId }
  return { ...kept, message, ...(data && { data }), ...edited, ...editor, ...placeOf(epoch, offset) }
}

/**
 * A message without what its user wrote. Its id, user and time stay, so that the log has no hole; its `client_id` stays, so
 * that its sender knows what became of it.
 */
export function tombstoneOf(
  { type, timestamp, user_id, room_id, id, client_id, epoch, offset }: JsonObject,
  version: unknown,
): JsonObject {
  const kept = { type, message: '', timestamp, user_id, room_id, id, client_id, version, deleted: true }
  return { ...kept, ...placeOf(epoch, offset) }
}

/** An edit without its text. */
export function redactedEdit(edit: JsonObject): JsonObject {
  const { type, target, timestamp, user_id, room_id, id, client_id, epoch, offset } = edit
  const kept = { type, target, message: '', timestamp, user_id, room_id, id, client_id, deleted: true }
  return { ...kept, ...placeOf(epoch, offset) }
}

/** The target of an entry that changes another one. */
export function targetOf({ target }: JsonObject): Target {
  return target as Target
}

/** How the texts of all edits of a target begin, and no others. */
export function startOfEdits({ offset, id }: Target): string {
  return `${START_OF_EDITS}"target":${JSON.stringify({ offset, id })},`
}

/** The text of an entry ends with its place, if it has one. */
function placeOf(epoch: unknown, offset: unknown): JsonObject {
  return epoch === undefined ? {} : { epoch, offset }
}

const CHAT = '{"type":"chat_message",'
/** How the texts of all edits begin. */
export const START_OF_EDITS = '{"type":"message_edited",'
const DELETED = '{"type":"message_deleted",'
const ERASED = '{"type":"messages_erased",'
const REACTION_ADDED = '{"type":"reaction_added",'
const REACTION_REMOVED = '{"type":"reaction_removed",'
const REACTIONS_ERASED = '{"type":"reactions_erased",'

// By their beginnings: each entry that is sent is asked.

export function isChatText(text: string): boolean {
  return text.startsWith(CHAT)
}

export function isEditText(text: string): boolean {
  return text.startsWith(START_OF_EDITS)
}

export function isDeletedText(text: string): boolean {
  return text.startsWith(DELETED)
}

export function isErasedText(text: string): boolean {
  return text.startsWith(ERASED)
}

export function isReactionText(text: string): boolean {
  return text.startsWith(REACTION_ADDED) || text.startsWith(REACTION_REMOVED)
}

/** Whether an entry takes the texts out of others. */
export function isRetractionText(text: string): boolean {
  return isDeletedText(text) || isErasedText(text)
}

/** Whether an entry changes others, and is left out of pages of messages. */
export function isAmendmentText(text: string): boolean {
  return AMENDMENTS.some((start) => text.startsWith(start))
}

const AMENDMENTS = [START_OF_EDITS, REACTION_ADDED, REACTION_REMOVED, DELETED, ERASED, REACTIONS_ERASED]

/** The longest of these beginnings, in bytes. */
export const START_BYTES = Math.max(...AMENDMENTS.map(({ length }) => length))
