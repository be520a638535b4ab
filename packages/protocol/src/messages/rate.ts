// The generic cell rate algorithm (GCRA). The server uses it to charge what it receives, the client to space what it
// sends.

/** A budget that refills by `perSecond` up to `burst`. */
export interface Rate {
  readonly perSecond: number
  readonly burst: number
}

/*
 * The state of a budget is one number: the time at which it will be full again, in ms. A time in the past means that
 * it is full. It is a number and not an object because each connection has several.
 */

/**
 * How long until the budget can pay `cost`, in ms; 0 if it can pay now. Check all budgets of a message before you
 * charge any.
 */
export function waitFor(fullAt: number, rate: Rate, now: number, cost = 1): number {
  if (rate.perSecond === Number.POSITIVE_INFINITY) return 0
  // Takes the difference first. If a time were added to the span of a burst, the rounding error would make a full
  // budget wait.
  const owed = Math.max(fullAt - now, 0)
  return Math.max(0, Math.ceil(owed + millisOf(cost, rate) - millisOf(rate.burst, rate)))
}

/** The time at which the budget will be full again after it pays `cost` now. */
export function paid(fullAt: number, rate: Rate, now: number, cost = 1): number {
  return rate.perSecond === Number.POSITIVE_INFINITY ? fullAt : Math.max(fullAt, now) + millisOf(cost, rate)
}

/** The time in which the rate refills this much. A cost above the burst counts as the burst. */
function millisOf(cost: number, { perSecond, burst }: Rate): number {
  return (Math.min(cost, burst) / perSecond) * 1000
}
