/** A budget that refills by `perSecond` up to `burst`. */
export interface Rate {
  readonly perSecond: number
  readonly burst: number
}

export interface Bucket {
  tokens: number
  at: number
}

export function fullBucket(rate: Rate, now: number): Bucket {
  return { tokens: rate.burst, at: now }
}

/** How long until `cost` is there, in ms; 0 if it is. Takes nothing: a message must pass all its buckets before it pays into any. */
export function waitFor(bucket: Bucket, rate: Rate, now: number, cost = 1): number {
  if (rate.perSecond === Number.POSITIVE_INFINITY) return 0
  bucket.tokens = Math.min(rate.burst, bucket.tokens + ((now - bucket.at) / 1000) * rate.perSecond)
  bucket.at = now
  const missing = Math.min(cost, rate.burst) - bucket.tokens
  return missing <= 0 ? 0 : Math.ceil((missing / rate.perSecond) * 1000)
}

export function take(bucket: Bucket, rate: Rate, cost = 1): void {
  if (rate.perSecond !== Number.POSITIVE_INFINITY) bucket.tokens -= Math.min(cost, rate.burst)
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
