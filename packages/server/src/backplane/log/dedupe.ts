import { RecordTable, type Remembered } from './record-table.js'

export type { Remembered }

export interface DedupeWindow {
  /** How many messages a room remembers at least, unless they are too old. */
  readonly count: number
  /** How long a message is remembered, in ms, unless there are too many. */
  readonly ms: number
}

/**
 * The client messages that a room has accepted recently, by user and client id, in two generations. The younger one
 * fills until it is old or full, then replaces the older one. A single map that deletes its first entries one by one
 * would have to skip all deleted slots to find the next.
 */
export class Dedupe {
  #young = new RecordTable()
  /** Most rooms never have an older generation. */
  #old: RecordTable | undefined
  #forgotten = 0
  #youngSince = Number.NEGATIVE_INFINITY
  #lastAt = Number.NEGATIVE_INFINITY

  constructor(private readonly window: DedupeWindow) {}

  get bytes(): number {
    return this.#young.bytes + (this.#old?.bytes ?? 0)
  }

  get size(): number {
    return this.#young.size + (this.#old?.size ?? 0)
  }

  /**
   * The newest offset whose record was discarded: the log may contain messages that were first sent before it and are
   * no longer recognised.
   */
  get forgotten(): number {
    return this.#forgotten
  }

  /** The key includes the user. With only the client id, one user could suppress another's message. */
  find(userId: string, clientId: string, now: number): Remembered | undefined {
    this.expire(now)
    return this.#young.find(userId, clientId) ?? this.#old?.find(userId, clientId)
  }

  /** Adds a message that {@link find} does not find. */
  remember(clientId: string, record: Remembered, now: number): void {
    this.expire(now)
    if (this.#young.size === 0) this.#youngSince = now
    this.#young.add(clientId, record)
    this.#lastAt = now
  }

  /** Gives up the messages of a user, and with them those of all others: a table has them in one piece. */
  forgetUser(userId: string): void {
    if (!this.#young.hasUser(userId) && !this.#old?.hasUser(userId)) return
    this.forgetOlder()
    this.forgetOlder()
  }

  expire(now: number): void {
    if (this.size === 0) return
    const { count, ms } = this.window
    if (now - this.#lastAt >= ms) {
      this.forgetOlder()
      this.forgetOlder()
    } else if (this.#young.size >= count) {
      this.#turn(this.#old ?? new RecordTable())
      this.#youngSince = now
    } else if (now - this.#youngSince >= ms) {
      this.forgetOlder()
      this.#youngSince = now
    }
  }

  /**
   * Discards records of entries before an offset, which the log has dropped. It does so in batches, but never keeps
   * more than twice as many records as the log has entries.
   */
  forgetBefore(offset: number): void {
    const isGone = () => !this.#old || this.#old.lastOffset < offset
    const hasOlder = () =>
      this.#old !== undefined || (this.#young.size > 0 && this.#young.firstOffset < offset)
    while (isGone() && hasOlder()) this.forgetOlder()
  }

  /** Discards the older generation, or the only one. */
  forgetOlder(): void {
    this.#turn(new RecordTable())
  }

  /**
   * Reuses memory for the next generation if it will be as large, because new memory is work for the garbage
   * collector.
   */
  #turn(next: RecordTable): void {
    this.#forgotten = Math.max(this.#forgotten, this.#old?.lastOffset ?? 0)
    next.clear()
    // A table that was emptied for reuse and stayed empty would otherwise keep its memory for ever.
    this.#old = this.#young.size > 0 ? this.#young : undefined
    this.#young = next
  }
}
