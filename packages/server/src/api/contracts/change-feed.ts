import type { Break, LogEntry, Position, Subscription } from './log.js'

/** An entry of some stream, in the feed of all streams. */
export interface FeedEntry {
  readonly stream: string
  /** The epoch of its stream. */
  readonly epoch: string
  readonly entry: LogEntry
  /** When it was logged: wall time, in ms since 1970. */
  readonly timestampMs: number
  /**
   * Its position in the feed: `epoch` is the id of the store, `offset` a number that grows from entry to entry, `id`
   * that of the entry.
   */
  readonly cursor: Position
}

export interface FeedPage {
  /** In the order of the feed, which keeps the order within each stream. */
  readonly entries: readonly FeedEntry[]
  /** Whether the feed holds further entries. */
  readonly more: boolean
  /** Why a reader at the cursor cannot continue without a hole. The page is then empty. */
  readonly fault: Break | undefined
  /**
   * The end of the feed. For an empty feed it is `{ epoch, offset: 0, id: epoch }`, where `epoch` is the store's id.
   */
  readonly head: Position
}

/** The position of a consumer: its cursor, if one was stored. */
export interface ConsumerClaim {
  readonly cursor: Position | undefined
}

/**
 * All entries of all streams of a store, in one order, each once it is accepted; also stores how far the feed's
 * consumers have read. Every method rejects with `unavailable` while the store is unreachable.
 */
export interface ChangeFeed {
  /**
   * Reads the entries after a cursor; without one, from the oldest entry after which nothing is missing. Unless
   * `limit` is 0, a page holds at least one entry if there is one. The fault is `epoch_changed` for a cursor of
   * another store, `forked` for one that this store never issued, and `expired` if entries after it are gone.
   */
  read(after: Position | undefined, limit: number, maxBytes: number): Promise<FeedPage>
  /**
   * Reads entries again that were read before, given by their cursors in the order of the feed. Those that are gone are
   * left out.
   */
  again(cursors: readonly Position[]): Promise<readonly FeedEntry[]>
  /**
   * Grows when texts are taken out of entries: by a deletion or an erasure of this node before that is acknowledged, by
   * one of another node soon after. What was read before it grew may hold such a text.
   */
  readonly retractions: number
  /**
   * Calls `wake` when there may be more to read: soon after each entry, possibly late, possibly without reason.
   * Resolves once it is watching.
   */
  watch(wake: () => void): Promise<Subscription>

  /**
   * Claims a consumer for an owner, or renews the claim of its current owner, until `leaseMs` have passed without
   * another call. Resolves with `undefined` while another owner has it.
   */
  claim(consumer: string, owner: string, leaseMs: number): Promise<ConsumerClaim | undefined>
  /**
   * Stores how far a consumer has read. Resolves with false, and stores nothing, if the owner no longer has the
   * claim.
   */
  commit(consumer: string, owner: string, cursor: Position): Promise<boolean>
  /** Releases a consumer, if the owner still has it, so that another owner can claim it at once. */
  release(consumer: string, owner: string): Promise<void>
}
