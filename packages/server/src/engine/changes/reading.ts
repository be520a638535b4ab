import type { ChangeFeed, FeedEntry } from '../../api/contracts/change-feed.js'
import type { Clock } from '../../api/contracts/clock.js'

/** Entries of the feed, and whether they are known to be in it still as they were read. */
export interface Reading {
  readonly entries: readonly FeedEntry[]
  isFresh(): boolean
}

/** A node may learn late of what another node has deleted, or never. */
const FRESH_MS = 1_000

/** Called before something is read: texts that are taken out of the feed meanwhile may be in what the reader gets. */
export function freshness(feed: ChangeFeed, clock: Clock): Reading['isFresh'] {
  const { retractions } = feed
  const at = clock.now()
  return () => feed.retractions === retractions && clock.now() - at < FRESH_MS
}
