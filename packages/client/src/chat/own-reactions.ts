import type { Cursor } from '@roomful/protocol'
import type { OutboxEntry } from '../options/stored-outbox.js'
import { changedBy, type Reaction, type ReactionState } from './reaction-counts.js'

interface OwnReaction {
  /** The id of the message, or the key of an own message that has no id yet. */
  readonly target: string
  readonly reaction: string
  readonly isAdded: boolean
  /** The entry that made it so, once it was acknowledged. It may arrive later. */
  readonly place?: Pick<Cursor, 'epoch' | 'offset'>
}

/** This user's reactions that the server does not have yet, or whose entries have not arrived, by client id. */
export class OwnReactions {
  readonly #waiting = new Map<string, OwnReaction>()

  add({ clientId, amends = '', fields }: OutboxEntry): void {
    const isAdded = fields?.type === 'add_reaction'
    this.#waiting.set(clientId, { target: amends, reaction: fields?.reaction ?? '', isAdded })
  }

  placed(clientId: string, place: Pick<Cursor, 'epoch' | 'offset'>): void {
    const own = this.#waiting.get(clientId)
    if (own) this.#waiting.set(clientId, { ...own, place })
  }

  remove(clientId: string): void {
    this.#waiting.delete(clientId)
  }

  clear(): void {
    this.#waiting.clear()
  }

  /** Forgets those that were acknowledged: what the log has, its pages have told, and the rest is lost. */
  forgetPlaced(): void {
    for (const [clientId, { place }] of this.#waiting) if (place) this.#waiting.delete(clientId)
  }

  /** Forgets those whose entries the room has received. */
  settle(head: Pick<Cursor, 'epoch' | 'offset'> | undefined): void {
    for (const [clientId, { place }] of this.#waiting) {
      const isOver = place && (place.epoch !== head?.epoch || place.offset <= head.offset)
      if (isOver) this.#waiting.delete(clientId)
    }
  }

  /** In the order in which the user made them. */
  to(names: readonly unknown[]): readonly OwnReaction[] {
    if (this.#waiting.size === 0) return NONE
    return [...this.#waiting.values()].filter(({ target }) => names.includes(target))
  }
}

const NONE: readonly OwnReaction[] = []

/** The reactions to show: what is counted, with what the user has changed since. */
export function shownReactions(
  { counts, own = [] }: Pick<ReactionState, 'counts' | 'own'>,
  waiting: readonly OwnReaction[],
): readonly Reaction[] {
  const mine = new Set(own)
  let shown = counts
  for (const { reaction, isAdded } of waiting) {
    if (mine.has(reaction) === isAdded) continue
    shown = changedBy(shown, reaction, isAdded)
    if (isAdded) mine.add(reaction)
    else mine.delete(reaction)
  }
  return shown.map((one) => (mine.has(one.reaction) ? { ...one, own: true } : one))
}

/** Whether the user reacts so, as far as it is known. */
export function hasReacted(
  state: ReactionState | undefined,
  waiting: readonly OwnReaction[],
  reaction: string,
): boolean | undefined {
  const last = waiting.findLast((one) => one.reaction === reaction)
  return last?.isAdded ?? state?.own?.includes(reaction)
}
