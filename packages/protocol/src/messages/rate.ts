// The generic cell rate algorithm, by which the server charges what it gets and the client spaces what it sends.

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
