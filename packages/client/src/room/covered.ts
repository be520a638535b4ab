/**
 * The offsets of a log that pages and live frames account for. Adjacent intervals are one, so any number of entries
 * that are not shown cost nothing.
 */
export class Covered {
  /** In ascending order; no two touch. */
  #intervals: [from: number, to: number][] = []

  /** The lowest offset, or where the first interval will begin; infinite if there is none. */
  get start(): number {
    return this.#intervals[0]?.[0] ?? Number.POSITIVE_INFINITY
  }

  /** The highest offset; 0 if there is none. */
  get end(): number {
    return this.#intervals.at(-1)?.[1] ?? 0
  }

  /** With `to` one below `from`, it holds no offset, but others may adjoin it. */
  add(from: number, to: number): void {
    const last = this.#intervals.at(-1)
    // As most entries do, it follows the one before.
    if (last && last[0] <= from && from <= last[1] + 1) last[1] = Math.max(last[1], to)
    else this.#merge(from, to)
  }

  #merge(from: number, to: number): void {
    const isApart = ([start, end]: [number, number]) => end + 1 < from || to + 1 < start
    const touching = this.#intervals.filter((interval) => !isApart(interval)).flat()
    const merged: [number, number] = [Math.min(from, ...touching), Math.max(to, ...touching)]
    this.#intervals = [...this.#intervals.filter(isApart), merged].sort(([a], [b]) => a - b)
  }

  /** Removes all offsets up to this one. */
  dropTo(offset: number): void {
    while (this.#intervals[0] && this.#intervals[0][1] <= offset) this.#intervals.shift()
    const [first] = this.#intervals
    if (first) first[0] = Math.max(first[0], offset + 1)
  }

  /** Whether it holds every offset from `from` to `to`, which it does if there are none. */
  has(from: number, to: number): boolean {
    return from > to || this.#intervals.some(([start, end]) => start <= from && to <= end)
  }
}
