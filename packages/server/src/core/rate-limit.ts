/** A budget that refills by `perSecond` up to `burst`. */
export interface Rate {
  readonly perSecond: number
  readonly burst: number
}

/** One number says it all: when the budget will be whole again. In the past, it is. */
export interface Bucket {
  fullAt: number
}

export function fullBucket(): Bucket {
  return { fullAt: 0 }
}

/** How long until `cost` is there, in ms; 0 if it is. Takes nothing: a message must pass all its buckets before it pays into any. */
export function waitFor(bucket: Bucket, rate: Rate, now: number, cost = 1): number {
  if (rate.perSecond === Number.POSITIVE_INFINITY) return 0
  bucket.fullAt = Math.max(bucket.fullAt, now)
  // The difference first: added to a time, a burst's worth would come back with a rounding error, and wait for it.
  const owed = bucket.fullAt - now
  return Math.max(0, Math.ceil(owed + millisOf(cost, rate) - millisOf(rate.burst, rate)))
}

/** Pays. Call `waitFor` first, at the same time. */
export function take(bucket: Bucket, rate: Rate, cost = 1): void {
  if (rate.perSecond !== Number.POSITIVE_INFINITY) bucket.fullAt += millisOf(cost, rate)
}

/** Time that the rate needs to give this much; what costs more than the burst costs the burst. */
function millisOf(cost: number, { perSecond, burst }: Rate): number {
  return (Math.min(cost, burst) / perSecond) * 1000
}

const STRIKE_MS = 5_000
const MINUTE_MS = 60_000

/** Counts refused bursts, not refused messages: a client learns of its first refusal only when the rest is on its way. */
export class Strikes {
  #times: number[] = []

  /** Records a refusal; true if it was the last one allowed in this minute. */
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

  /** Records an event; true if it was the last one allowed in this minute. */
  add(now: number, perMinute: number): boolean {
    if (perMinute === Number.POSITIVE_INFINITY) return false
    this.#times = this.#times.filter((time) => now - time < MINUTE_MS)
    this.#times.push(now)
    return this.#times.length >= perMinute
  }
}
