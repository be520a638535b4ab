import type { JsonObject, Target } from '@roomful/protocol'
import type { Amendment } from '../../api/contracts/backplane.js'
import { canonicalJson } from '../../util/canonical-json.js'
import { isoTime } from '../../util/iso-time.js'

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
  | { readonly status: 'not_found' | 'deleted' | 'forbidden' }
  /** Nothing would change: the entry at this offset made the state that is asked for. */
  | { readonly status: 'unchanged'; readonly madeAt: number }
  | {
      readonly status: 'changed'
      /** What the target's text becomes. */
      readonly text: string
      /** Edits of the target up to this offset must lose their texts as well; 0 if there are none. */
      readonly redactThrough: number
    }

/** What an amendment does to its target, which is the entry at its offset, if the log keeps one. */
export function amend(found: Found | undefined, amendment: Amendment, entry: AmendingEntry): Amended {
  const { target, userId, moderates } = amendment
  if (found?.id !== target.id || !isChatText(found.text)) return { status: 'not_found' }
  const message = JSON.parse(found.text) as JsonObject
  if (message.deleted === true) return { status: 'deleted' }
  if (message.user_id !== userId && !moderates) return { status: 'forbidden' }
  const version = versionOf(message)
  if (isState(message, amendment)) return { status: 'unchanged', madeAt: version || target.offset }
  const next = stateAfter(message, amendment, entry)
  const redactThrough = amendment.kind === 'delete' ? version : 0
  return { status: 'changed', text: JSON.stringify(next), redactThrough }
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
  return `${EDITED}"target":${JSON.stringify({ offset, id })},`
}

/** The text of an entry ends with its place, if it has one. */
function placeOf(epoch: unknown, offset: unknown): JsonObject {
  return epoch === undefined ? {} : { epoch, offset }
}

const CHAT = '{"type":"chat_message",'
const EDITED = '{"type":"message_edited",'
const DELETED = '{"type":"message_deleted",'
const ERASED = '{"type":"messages_erased",'

// By their beginnings: each entry that is sent is asked.

export function isChatText(text: string): boolean {
  return text.startsWith(CHAT)
}

export function isEditText(text: string): boolean {
  return text.startsWith(EDITED)
}

export function isErasedText(text: string): boolean {
  return text.startsWith(ERASED)
}

/** Whether an entry changes others, and is left out of pages of messages. */
export function isAmendmentText(text: string): boolean {
  return text.startsWith(EDITED) || text.startsWith(DELETED) || text.startsWith(ERASED)
}

/** Whether an entry takes the texts out of others. */
export function isRetractionText(text: string): boolean {
  return text.startsWith(DELETED) || text.startsWith(ERASED)
}

/** The longest of these beginnings, in bytes. */
export const START_BYTES = DELETED.length
