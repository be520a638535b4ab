import type { Break, LogEntry, Position, Subscription } from './backplane.js'

/** One entry of any stream, in the feed of all. */
export interface FeedEntry {
  readonly stream: string
  /** Of its stream. */
  readonly epoch: string
  readonly entry: LogEntry
  /** Its place in the feed: the id of the store as `epoch`, a number that rises from entry to entry as `offset`, and the entry's id. */
  readonly cursor: Position
}

export interface FeedPage {
  /** In the order of the feed. Those of one stream stand in it in their order. */
  readonly entries: readonly FeedEntry[]
  /** Whether the feed holds further ones. */
  readonly more: boolean
  /** Why a reader at the cursor cannot go on without a hole: it reads nothing then. */
  readonly fault: Break | undefined
  /** The end of the feed; of an empty one `{ epoch, offset: 0, id: epoch }`, with the store's id. */
  readonly head: Position
}

/** Where a consumer stands: its cursor, if one was kept. */
export interface ConsumerClaim {
  readonly cursor: Position | undefined
}

/**
 * All entries of all streams of a store in one order, each once it is accepted; and how far the consumers of the feed have
 * got. Every method rejects with `unavailable` while the store is away.
 */
export interface ChangeFeed {
  /**
   * Reads what comes after a cursor, or without one the oldest from which on nothing is missing. A page holds one entry at
   * the least where there is one, unless `limit` is 0. The fault is `epoch_changed` for a cursor of another store, `forked`
   * for one that this store never gave, and `expired` where entries after it are gone.
   */
  read(after: Position | undefined, limit: number, maxBytes: number): Promise<FeedPage>
  /** Calls back when there may be more to read: soon after each entry, maybe late, maybe for nothing. Resolves once that is so. */
  watch(wake: () => void): Promise<Subscription>

  /**
   * Takes a consumer for an owner, or keeps it for one who has it, until `leaseMs` have passed without another call.
   * Resolves with `undefined` while another owner has it.
   */
  claim(consumer: string, owner: string, leaseMs: number): Promise<ConsumerClaim | undefined>
  /** Keeps how far a consumer has got. Resolves with false, and keeps nothing, if the owner has it no longer. */
  commit(consumer: string, owner: string, cursor: Position): Promise<boolean>
  /** Gives a consumer up, if the owner has it still, so that another can take it at once. */
  release(consumer: string, owner: string): Promise<void>
}
