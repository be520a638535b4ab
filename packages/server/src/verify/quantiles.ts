/** Each bucket is that much wider than the one below. */
const STEP = 1.02
const FASTEST_MS = 0.1

/** Durations, in memory that does not grow with their number. Quantiles are right to 2 %. */
export class Quantiles {
  count = 0
  max = 0
  readonly #buckets = new Map<number, number>()

  add(ms: number): void {
    const bucket = Math.ceil(Math.log(Math.max(ms, FASTEST_MS) / FASTEST_MS) / Math.log(STEP))
    this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + 1)
    this.count++
    this.max = Math.max(this.max, ms)
  }

  /** In ms; `undefined` if there are none. `share` is from 0 to 1. */
  at(share: number): number | undefined {
    let below = 0
    for (const [bucket, count] of [...this.#buckets].sort(([a], [b]) => a - b)) {
      below += count
      if (below >= share * this.count) return Math.min(this.max, FASTEST_MS * STEP ** bucket)
    }
    return undefined
  }
}
