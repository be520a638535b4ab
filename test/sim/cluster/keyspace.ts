/** Keys of one kind, each with the time at which it expires. */
export class Keyspace<T> {
  readonly #kept = new Map<string, { readonly value: T; until: number }>()

  get(key: string, now: number): T | undefined {
    const kept = this.#kept.get(key)
    return kept && kept.until > now ? kept.value : undefined
  }

  set(key: string, value: T, until: number): void {
    this.#kept.set(key, { value, until })
  }

  expire(key: string, until: number): void {
    const kept = this.#kept.get(key)
    if (kept) kept.until = until
  }

  /** Lets a key that would expire within half of a time live for all of it. */
  refresh(key: string, now: number, ms: number): void {
    const kept = this.#kept.get(key)
    if (kept && kept.until > now && kept.until - now < ms / 2) kept.until = now + ms
  }

  delete(key: string): void {
    this.#kept.delete(key)
  }

  all(now: number): readonly (readonly [string, T])[] {
    return [...this.#kept].filter(([, { until }]) => until > now).map(([key, { value }]) => [key, value])
  }
}
