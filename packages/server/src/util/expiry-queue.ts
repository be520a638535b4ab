/**
 * Deadlines of equal length, so that the order of insertion is the order of deadlines. Touching, removing and
 * expiring take constant time per item, without a timer each.
 */
export class ExpiryQueue<K> {
  readonly #deadlines = new Map<K, number>()

  constructor(readonly ttlMs: number) {}

  get size(): number {
    return this.#deadlines.size
  }

  has(key: K): boolean {
    return this.#deadlines.has(key)
  }

  /** Starts or restarts the deadline of a key. */
  touch(key: K, now: number): void {
    this.#deadlines.delete(key)
    this.#deadlines.set(key, now + this.ttlMs)
  }

  delete(key: K): boolean {
    return this.#deadlines.delete(key)
  }

  /** Removes and returns the keys whose deadline has passed. */
  takeExpired(now: number): K[] {
    const expired: K[] = []
    for (const [key, deadline] of this.#deadlines) {
      if (deadline > now) break
      expired.push(key)
    }
    for (const key of expired) this.#deadlines.delete(key)
    return expired
  }
}
