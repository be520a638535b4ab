export interface FlushBounds {
  /** Longest time that a message waits for company, in ms. */
  readonly maxMs: number
  /** Share of the loop's time that flushing may take before messages are made to wait. */
  readonly share: number
}

/** Arrivals that waiting must promise a room; with fewer, it would delay messages and save no writes. */
const WORTHWHILE = 2
const SMOOTHING = 0.3

/**
 * How long the next flush waits. An idle server flushes at once. A busy one lets messages of a room gather,
 * since the cost of a flush is its writes, and more messages go out in the same number of them.
 */
export class FlushWindow {
  #endedAt = Number.NEGATIVE_INFINITY
  #tookMs = 0
  /** Messages a room gets in a ms, smoothed over flushes. */
  #arrivalsPerMs = 0

  constructor(private readonly bounds: FlushBounds) {}

  /** Time until the next flush, in ms; 0 for at once. */
  wait(now: number): number {
    const { maxMs, share } = this.bounds
    const spread = Math.min(maxMs, this.#tookMs / share - this.#tookMs)
    if (this.#arrivalsPerMs * spread < WORTHWHILE) return 0
    return Math.max(0, this.#endedAt + spread - now)
  }

  /** Learns from a flush that carried `messages` to `rooms`. */
  flushed(startedAt: number, endedAt: number, messages: number, rooms: number): void {
    const elapsed = endedAt - this.#endedAt
    // A clock may stand still between two flushes, and infinity would never be smoothed away.
    const arrivals = rooms === 0 || elapsed <= 0 ? 0 : messages / rooms / elapsed
    this.#arrivalsPerMs += SMOOTHING * (arrivals - this.#arrivalsPerMs)
    this.#tookMs = endedAt - startedAt
    this.#endedAt = endedAt
  }
}
