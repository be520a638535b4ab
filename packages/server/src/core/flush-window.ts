export interface FlushBounds {
  /** Longest time that a message waits for company, in ms. */
  readonly maxMs: number
  /** Share of the process's time that one room's flushes may take before its messages are made to wait. */
  readonly share: number
}

/** Messages that a room must expect within the wait; with fewer, waiting would delay and save no writes. */
const WORTHWHILE = 1.25
const SMOOTHING = 0.2

/**
 * How long a room's next flush waits. The cost of a flush is its writes, one a member; so where they would take
 * too much of the time, messages gather, and more of them go out in the same number of writes. An idle room, a
 * small one, and one whose messages are far apart are flushed at once.
 */
export class FlushWindow {
  #lastArrivalAt = Number.NEGATIVE_INFINITY
  /** Usual time between two messages, in ms. */
  #gapMs = Number.POSITIVE_INFINITY
  #flushedAt = Number.NEGATIVE_INFINITY

  arrived(now: number): void {
    const gap = now - this.#lastArrivalAt
    this.#lastArrivalAt = now
    this.#gapMs = Number.isFinite(this.#gapMs) ? smooth(this.#gapMs, gap) : gap
  }

  flushed(now: number): void {
    this.#flushedAt = now
  }

  /** Time until the next flush, in ms; 0 for at once. `flushMs` is what it will take. */
  wait(now: number, flushMs: number, { maxMs, share }: FlushBounds): number {
    const spread = Math.min(maxMs, flushMs / share - flushMs)
    const isWorthwhile = spread > 0 && spread >= WORTHWHILE * this.#gapMs
    return isWorthwhile ? Math.max(0, this.#flushedAt + spread - now) : 0
  }
}

/** What one write costs, learnt from flushes. */
export class WriteCost {
  #ms = 0

  get ms(): number {
    return this.#ms
  }

  learn(tookMs: number, writes: number): void {
    if (writes > 0) this.#ms = smooth(this.#ms, tookMs / writes)
  }
}

function smooth(value: number, sample: number): number {
  return value + SMOOTHING * (sample - value)
}
