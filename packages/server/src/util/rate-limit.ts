export { paid, type Rate, waitFor } from '@roomful/protocol/wire'

const STRIKE_MS = 5_000
const MINUTE_MS = 60_000

/**
 * Counts refused bursts, not refused messages: a client learns of its first refusal only after it has sent the rest.
 */
export class ExcessCounter {
  #times: number[] = []

  /** Records a refusal; returns true if it was the last one allowed in this minute. */
  add(now: number, perMinute: number): boolean {
    this.#times = this.#times.filter((time) => now - time < MINUTE_MS)
    const last = this.#times.at(-1)
    if (last === undefined || now - last >= STRIKE_MS) this.#times.push(now)
    return this.#times.length >= perMinute
  }
}

/** Counts events within the last minute. */
export class MinuteCounter {
  #times: number[] = []

  /** Records an event; returns true if it was the last one allowed in this minute. */
  add(now: number, perMinute: number): boolean {
    if (perMinute === Number.POSITIVE_INFINITY) return false
    this.#times = this.#times.filter((time) => now - time < MINUTE_MS)
    this.#times.push(now)
    return this.#times.length >= perMinute
  }
}
