import type { ChangeFeed, FeedEntry } from '../../api/contracts/change-feed.js'
import type { Clock } from '../../api/contracts/clock.js'
import { freshness, type Reading } from './reading.js'

/** An entry that waits to be handed out, and whether it is known to be in the feed still as it was read. */
export interface Taken {
  readonly entry: FeedEntry
  readonly isFresh: Reading['isFresh']
}

/** Entries for a handler, which may have to wait, or to be handed out again. */
export class Batch {
  #reading: Reading

  constructor(
    readonly taken: readonly Taken[],
    private readonly feed: ChangeFeed,
    private readonly clock: Clock,
  ) {
    const entries = taken.map(({ entry }) => entry)
    this.#reading = { entries, isFresh: () => taken.every(({ isFresh }) => isFresh()) }
  }

  get ids(): readonly string[] {
    return this.taken.map(({ entry }) => entry.cursor.id)
  }

  /** How many of them are not gone, as far as is known. */
  get size(): number {
    return this.#reading.entries.length
  }

  /** As they are now, without those that are gone. Rejects as {@link ChangeFeed.again} does. */
  async present(): Promise<readonly FeedEntry[]> {
    const { entries, isFresh } = this.#reading
    if (isFresh() || entries.length === 0) return entries
    const isStillFresh = freshness(this.feed, this.clock)
    const again = await this.feed.again(entries.map(({ cursor }) => cursor))
    // A store in memory reckons the time back from now: a change of the system's clock would change it.
    const times = new Map(entries.map(({ cursor, timestampMs }) => [cursor.offset, timestampMs]))
    const asTaken = (one: FeedEntry) => ({
      ...one,
      timestampMs: times.get(one.cursor.offset) ?? one.timestampMs,
    })
    this.#reading = { entries: again.map(asTaken), isFresh: isStillFresh }
    return this.#reading.entries
  }
}
