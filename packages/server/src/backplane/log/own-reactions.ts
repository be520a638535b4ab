import type { JsonObject } from '@roomful/protocol'
import type { LogEntry, OwnReactions } from '../../api/contracts/backplane.js'
import { isAmendmentText, targetOf } from './amending.js'

/** The messages to which somebody has reacted, by their offsets. */
export function reactedTo(page: readonly LogEntry[]): readonly number[] {
  return page.filter(({ text }) => text.includes(REACTIONS)).map(({ offset }) => offset)
}

/** Also in the data of an application, perhaps: then nothing is found there. */
const REACTIONS = '"reactions":['

/** What a user reacted to messages, after some later entries of the log. They may be known already. */
export function ownAfter(
  own: readonly OwnReactions[],
  later: readonly LogEntry[],
  userId: string,
): readonly OwnReactions[] {
  const changes = later.flatMap(({ text }) => (isAmendmentText(text) ? [JSON.parse(text) as JsonObject] : []))
  if (changes.length === 0) return own
  const known = new Map(own.map(({ offset, reactions }) => [offset, reactions]))
  for (const change of changes) {
    if (change.target === undefined) continue
    const { offset } = targetOf(change)
    known.set(offset, reactionsAfter(known.get(offset) ?? [], change, userId))
  }
  return [...known].flatMap(([offset, reactions]) => (reactions.length > 0 ? [{ offset, reactions }] : []))
}

function reactionsAfter(own: readonly string[], change: JsonObject, userId: string): readonly string[] {
  const reaction = String(change.reaction)
  if (change.type === 'message_deleted') return []
  if (change.user_id !== userId || change.deleted) return own
  switch (change.type) {
    case 'reaction_added':
      return own.includes(reaction) ? own : [...own, reaction]
    case 'reaction_removed':
      return own.filter((one) => one !== reaction)
    case 'reactions_erased':
      return []
    default:
      return own
  }
}
