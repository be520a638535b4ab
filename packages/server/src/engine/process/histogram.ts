/** Upper bounds of the buckets: from a log in memory to a store that is about to be given up. */
const BOUNDS_MS = [0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000]

/** Counts durations by their length, as Prometheus' histograms do. */
export class Histogram {
  /** One for each bound, and one for what is longer. */
  readonly #counts = new Float64Array(BOUNDS_MS.length + 1)
  #sumMs = 0

  observe(ms: number): void {
    let index = 0
    while (ms > (BOUNDS_MS[index] ?? Number.POSITIVE_INFINITY)) index++
    this.#counts[index] = (this.#counts[index] ?? 0) + 1
    this.#sumMs += ms
  }

  /** The samples in Prometheus' text format: in seconds, and each bucket includes the smaller ones. */
  samples(name: string): string {
    let total = 0
    const buckets = Array.from(this.#counts, (count, index) => {
      const bound = BOUNDS_MS[index]
      total += count
      return `${name}_bucket{le="${bound === undefined ? '+Inf' : bound / 1_000}"} ${total}\n`
    })
    return `${buckets.join('')}${name}_sum ${this.#sumMs / 1_000}\n${name}_count ${total}\n`
  }
}
