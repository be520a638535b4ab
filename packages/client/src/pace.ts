/** A rate as the server's hello states it. `null` and an absent one mean without a limit. */
export interface Rate {
  readonly perSecond: number | null | undefined
  readonly burst?: number | null | undefined
}

/**
 * Keeps below a server's rate (the generic cell rate algorithm): one number says when the bucket will be full again.
 * Pure in time: the caller passes `now`.
 */
export class Pace {
  #fullAt = Number.NEGATIVE_INFINITY

  /** How long to wait until `cost` is allowed, in ms; 0 takes it. */
  take({ perSecond, burst }: Rate, now: number, cost = 1): number {
    if (!perSecond) return 0
    const wait = this.#fullAt + (cost / perSecond) * 1_000 - now - ((burst ?? perSecond) / perSecond) * 1_000
    // What is dearer than a whole burst passes when the bucket is full, else it would wait for ever.
    if (wait > 0 && this.#fullAt > now) return Math.ceil(Math.min(wait, this.#fullAt - now))
    this.#fullAt = Math.max(this.#fullAt, now) + (cost / perSecond) * 1_000
    return 0
  }

  /** Takes without asking, for what cannot wait. */
  force({ perSecond }: Rate, now: number, cost = 1): void {
    if (perSecond) this.#fullAt = Math.max(this.#fullAt, now) + (cost / perSecond) * 1_000
  }
}
