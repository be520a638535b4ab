/** A budget that refills by `perSecond` up to `burst`. */
export interface Rate {
  readonly perSecond: number
  readonly burst: number
}

/*
 * What is left of a budget is one number: when it will be whole again, in ms. In the past, it is. A number and not an
 * object, since each connection has several.
 */

/** How long until `cost` is there, in ms; 0 if it is. A message must pass all its budgets before it is charged to any. */
export function waitFor(fullAt: number, rate: Rate, now: number, cost = 1): number {
  if (rate.perSecond === Number.POSITIVE_INFINITY) return 0
  // The difference first: added to a time, a burst's worth would come back with a rounding error, and wait for it.
  const owed = Math.max(fullAt - now, 0)
  return Math.max(0, Math.ceil(owed + millisOf(cost, rate) - millisOf(rate.burst, rate)))
}

/** When a budget that pays now will be whole again. */
export function paid(fullAt: number, rate: Rate, now: number, cost = 1): number {
  return rate.perSecond === Number.POSITIVE_INFINITY ? fullAt : Math.max(fullAt, now) + millisOf(cost, rate)
}

/** Time that the rate needs to give this much; what costs more than the burst costs the burst. */
function millisOf(cost: number, { perSecond, burst }: Rate): number {
  return (Math.min(cost, burst) / perSecond) * 1000
}

const STRIKE_MS = 5_000
const MINUTE_MS = 60_000

/** Counts refused bursts, not refused messages: a client learns of its first refusal only when the rest is on its way. */
export class ExcessCounter {
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
