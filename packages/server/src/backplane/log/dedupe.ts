import { RecordTable, type Remembered } from './record-table.js'

export type { Remembered }

export interface DedupeWindow {
  /** Messages that a room remembers at the least, if they are not too old. */
  readonly count: number
  /** How long a message is remembered, in ms, if there are not too many. */
  readonly ms: number
}

/**
 * The client messages that a room has accepted of late, by (user, client id), in two generations: the younger one
 * fills until it is old or full, then takes the place of the older. A map that lost its first entries one by one
 * would have to step over all their graves to find the next.
 */
export class Dedupe {
  #young = new RecordTable()
  /** Most rooms never have one. */
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

  /** The newest offset whose record was given up: what was first sent before it may be in the log unrecognised. */
  get forgotten(): number {
    return this.#forgotten
  }

  /** By user too: with a bare client id, one user could suppress another's message. */
  find(userId: string, clientId: string, now: number): Remembered | undefined {
    this.expire(now)
    return this.#young.find(userId, clientId) ?? this.#old?.find(userId, clientId)
  }

  /** A message that {@link find} does not know. */
  remember(clientId: string, record: Remembered, now: number): void {
    this.expire(now)
    if (this.#young.size === 0) this.#youngSince = now
    this.#young.add(clientId, record)
    this.#lastAt = now
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
   * Gives up what names entries before an offset, which the log has dropped; not each at once, but never more than as
   * many again as it keeps.
   */
  forgetBefore(offset: number): void {
    const isGone = () => !this.#old || this.#old.lastOffset < offset
    const hasOlder = () =>
      this.#old !== undefined || (this.#young.size > 0 && this.#young.firstOffset < offset)
    while (isGone() && hasOlder()) this.forgetOlder()
  }

  /** Gives up the older generation, or the only one. */
  forgetOlder(): void {
    this.#turn(new RecordTable())
  }

  /** The next generation goes where there is memory already, if it will be as large: new memory is work for the collector. */
  #turn(next: RecordTable): void {
    this.#forgotten = Math.max(this.#forgotten, this.#old?.lastOffset ?? 0)
    next.clear()
    // What was emptied to be filled again, and was not, would keep its memory where nothing is left to forget.
    this.#old = this.#young.size > 0 ? this.#young : undefined
    this.#young = next
  }
}
