import type { Position, Subscription } from './log.js'

/** Who reads a stream. */
export interface Reader {
  readonly userId: string
  /** Types of published messages that count as unread, beside chat messages. */
  readonly counts: readonly string[]
}

/** What a user has read of a stream, and what not. */
export interface Reading {
  /** The user's mark; `undefined` if there is none, so that nothing is read. */
  readonly mark: Position | undefined
  /** The head of the log at which this was counted; `undefined` if the store has no log yet. */
  readonly head: Position | undefined
  /**
   * How many messages above the mark are unread: those that pages show, that were not deleted, and that this user did
   * not write. At most 100, which means that many or more.
   */
  readonly unread: number
  /** How many of these mention the user. */
  readonly mentions: number
}

export interface UserMark {
  readonly userId: string
  readonly mark: Position
}

/**
 * Up to where users have read. A mark belongs to the log of its stream: it is gone when that ends, and some time after the
 * user has moved it last. If the log loses the entry of a mark to a fork, the mark falls back to where the log broke.
 * Every method rejects with `unavailable` while the store is unreachable.
 */
export interface MarkStore {
  /**
   * Moves a user's mark forward, in one atomic step. It stays where it is if `to` is not above it, or if the stream keeps
   * no entry at that offset with that id in that epoch. Resolves with what is true afterwards.
   */
  move(stream: string, reader: Reader, to: Position): Promise<Reading & { readonly moved: boolean }>
  reading(stream: string, reader: Reader): Promise<Reading>
  /** The marks of a stream; if there are more than `most`, those that were moved last. */
  list(stream: string, most: number): Promise<readonly UserMark[]>
  /**
   * Calls `changed` with the name of a stream soon after its log has changed, through whatever node; now and then without
   * reason, or not at all. Resolves once it is watching.
   */
  watch(changed: (stream: string) => void): Promise<Subscription>
}
