import type { Position } from '../../api/contracts/backplane.js'
import type { FeedEntry } from '../../api/contracts/change-feed.js'

/** The entries that were taken from a feed and are not done, and the position up to which all are. */
export class Progress {
  /** Whether each is done, in the order of the feed. */
  readonly #taken = new Map<FeedEntry, boolean>()
  #bytes = 0
  #reached: Position | undefined

  /** Counted from the oldest that is not done. */
  get count(): number {
    return this.#taken.size
  }

  /** The length of their texts. */
  get bytes(): number {
    return this.#bytes
  }

  /** Everything up to here is done; `undefined` if not even the first entry is. */
  get reached(): Position | undefined {
    return this.#reached
  }

  take(entry: FeedEntry): void {
    this.#taken.set(entry, false)
    this.#bytes += entry.entry.text.length
  }

  finish(entries: readonly FeedEntry[]): void {
    for (const entry of entries) this.#taken.set(entry, true)
    for (const [entry, isDone] of this.#taken) {
      if (!isDone) return
      this.#taken.delete(entry)
      this.#bytes -= entry.entry.text.length
      this.#reached = entry.cursor
    }
  }
}
