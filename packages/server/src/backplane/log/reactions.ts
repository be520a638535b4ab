import type { JsonObject, Target } from '@roomful/protocol'
import type { Amendment, Reacting } from '../../api/contracts/amendment.js'

/** How many users reacted to a message in one way. */
export interface ReactionCount {
  readonly reaction: string
  readonly count: number
}

/** What a user's reaction to a message is, and the entry that made it so. */
export interface Reacted {
  readonly isOn: boolean
  readonly madeAt: number
}

/** What has been noted of one user and one message. */
export interface NotedReaction extends Reacted {
  readonly userId: string
  readonly reaction: string
}

export function notedBy({ kind, userId, reaction }: Amendment & Reacting, madeAt: number): NotedReaction {
  return { userId, reaction, isOn: kind === 'react', madeAt }
}

/** The reactions of a message, whichever was added first at the beginning. */
export function reactionsOf({ reactions = [] }: JsonObject): readonly ReactionCount[] {
  return reactions as readonly ReactionCount[]
}

export function addedTo(reactions: readonly ReactionCount[], reaction: string): readonly ReactionCount[] {
  if (!reactions.some((known) => known.reaction === reaction)) return [...reactions, { reaction, count: 1 }]
  return reactions.map((known) =>
    known.reaction === reaction ? { reaction, count: known.count + 1 } : known,
  )
}

export function removedFrom(reactions: readonly ReactionCount[], reaction: string): readonly ReactionCount[] {
  return reactions
    .map((known) => (known.reaction === reaction ? { reaction, count: known.count - 1 } : known))
    .filter(({ count }) => count > 0)
}

/** Whether a message has no space for a reaction. */
export function isFull(
  reactions: readonly ReactionCount[],
  reaction: string,
  most: { readonly kinds: number; readonly users: number },
): boolean {
  const isNew = !reactions.some((known) => known.reaction === reaction)
  const users = reactions.reduce((sum, { count }) => sum + count, 0)
  return (isNew && reactions.length >= most.kinds) || users >= most.users
}

/** A message with other reactions. Its version stands behind all that somebody wrote, its place at the end. */
export function withReactions(
  { epoch, offset, reactions: _, version: __, ...kept }: JsonObject,
  reactions: readonly ReactionCount[],
  version: number,
): JsonObject {
  const place = epoch === undefined ? {} : { epoch, offset }
  return { ...kept, ...(reactions.length > 0 && { reactions }), version, ...place }
}

/** The text of a message without the reactions of a user who is erased. */
export function forgottenText(text: string, noted: readonly NotedReaction[], version: number) {
  const message = JSON.parse(text) as JsonObject
  const mine = noted.filter(({ isOn }) => isOn)
  const reactions = mine.reduce((left, { reaction }) => removedFrom(left, reaction), reactionsOf(message))
  return { text: JSON.stringify(withReactions(message, reactions, version)), reactions }
}

/** The entry that says so: it does not name what the user reacted. */
export function forgottenMessage({
  id,
  roomId,
  userId,
  target,
  reactions,
  timestampMs,
}: {
  readonly id: string
  readonly roomId: string
  readonly userId: string
  readonly target: Target
  readonly reactions: readonly ReactionCount[]
  readonly timestampMs: number
}): JsonObject {
  const timestamp = new Date(timestampMs).toISOString()
  return { type: 'reactions_erased', target, reactions, timestamp, user_id: userId, room_id: roomId, id }
}

/** A reaction that is no longer known, after its user was erased. */
export function redactedReaction(entry: JsonObject): JsonObject {
  const { type, target, timestamp, user_id, room_id, id, epoch, offset } = entry
  const kept = { type, target, reaction: '', timestamp, user_id, room_id, id, deleted: true }
  return { ...kept, ...(epoch !== undefined && { epoch, offset }) }
}
