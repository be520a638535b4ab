import type { Seen } from './oracle.js'
import { hasReacted, type Reacted, reacted } from './reacted.js'

/** What a message is from one entry of its log on: from itself, an edit, a deletion or a reaction. */
export interface State {
  /** Empty once the message is deleted: nobody writes an empty one. */
  readonly text: string
  readonly reactions: readonly Reacted[]
  /** The id and the offset of that entry. */
  readonly id: string
  readonly offset: number
}

/** The oracle's own fold: by message, what it has said, one state after the other. It knows nothing of the product. */
export class Fold {
  readonly #states = new Map<string, State[]>()
  /** States that a store lost with the entry which had made them. */
  readonly #lost = new Map<string, State[]>()

  /** Returns what is wrong with an entry that a log has accepted. */
  logged({ id, offset, text, target, reaction }: Seen): string | undefined {
    if (target === undefined) {
      this.#states.set(id, [{ text, reactions: [], id, offset }])
      return undefined
    }
    const states = this.#states.get(target)
    const now = states?.at(-1)
    if (states === undefined || now === undefined) return `an amendment of what no log has at ${offset}`
    if (now.text === '') return `an amendment of what was deleted at ${offset}`
    const isThere = reaction ? hasReacted(now.reactions, reaction) === reaction.isOn : now.text === text
    if (isThere) return `an amendment that changes nothing at ${offset}`
    const reactions = reaction ? reacted(now.reactions, reaction) : text === '' ? [] : now.reactions
    states.push({ text: reaction ? now.text : text, reactions, id, offset })
    return undefined
  }

  vanished({ id, target }: Seen): void {
    const states = this.#states.get(target ?? '')
    const state = states?.at(-1)
    if (target === undefined || states === undefined || state?.id !== id) return
    states.pop()
    this.#lost.set(target, [...this.lostOf(target), state])
  }

  /** Those that the log has, in order. */
  statesOf(message: string): readonly State[] {
    return this.#states.get(message) ?? []
  }

  lostOf(message: string): readonly State[] {
    return this.#lost.get(message) ?? []
  }

  textOf(message: string): string | undefined {
    return this.statesOf(message).at(-1)?.text
  }

  reactionsTo(message: string): readonly Reacted[] {
    return this.statesOf(message).at(-1)?.reactions ?? []
  }

  wasDeleted(message: string): boolean {
    return this.#all(message).some(({ text }) => text === '')
  }

  /** Whether it ever said this. */
  hasSaid(message: string, text: string): boolean {
    return this.#all(message).some((state) => state.text === text)
  }

  #all(message: string): readonly State[] {
    return [...this.statesOf(message), ...this.lostOf(message)]
  }

  /**
   * Whether there was a moment, with the log at some offset from `since` on, at which each message had the version in
   * which it was read.
   */
  wereTogether(messages: readonly Seen[], since: number): boolean {
    let from = since
    let before = Number.POSITIVE_INFINITY
    for (const { id, text, version = 0 } of messages) {
      // What a failover took stands for no moment of the log that there is.
      if (this.lostOf(id).length > 0) continue
      const states = this.statesOf(id)
      const index = version === 0 ? 0 : states.findIndex(({ offset }) => offset === version)
      if (states[index]?.text !== text) return false
      from = Math.max(from, states[index].offset)
      before = Math.min(before, states[index + 1]?.offset ?? Number.POSITIVE_INFINITY)
    }
    return from < before
  }
}
