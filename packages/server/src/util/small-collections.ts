/** A set that mostly holds one: a `Set` takes 150 bytes even then, and every connection is in several. */
export class SmallSet<T extends string | object> implements Iterable<T> {
  #only: T | undefined
  /** Takes over for good once there are two. */
  #many: Set<T> | undefined

  get size(): number {
    return this.#many?.size ?? (this.#only === undefined ? 0 : 1)
  }

  has(item: T): boolean {
    return this.#many?.has(item) ?? this.#only === item
  }

  add(item: T): void {
    if (this.#many) this.#many.add(item)
    else if (this.#only === undefined) this.#only = item
    else if (this.#only !== item) {
      this.#many = new Set([this.#only, item])
      this.#only = undefined
    }
  }

  /** True if it was there. */
  delete(item: T): boolean {
    if (this.#many) return this.#many.delete(item)
    if (this.#only !== item) return false
    this.#only = undefined
    return true
  }

  /** In the order in which they came. */
  [Symbol.iterator](): Iterator<T> {
    return (this.#many ?? (this.#only === undefined ? [] : [this.#only]))[Symbol.iterator]()
  }
}

/** A map that mostly holds one value, under a key that the value carries. */
export class SmallMap<T extends object> {
  #only: T | undefined
  /** Takes over for good once there are two. */
  #many: Map<string, T> | undefined

  constructor(private readonly keyOf: (value: T) => string) {}

  get size(): number {
    return this.#many?.size ?? (this.#only === undefined ? 0 : 1)
  }

  has(key: string): boolean {
    return this.get(key) !== undefined
  }

  get(key: string): T | undefined {
    if (this.#many) return this.#many.get(key)
    return this.#only !== undefined && this.keyOf(this.#only) === key ? this.#only : undefined
  }

  /** Puts a value in, in the place of the one with the same key. */
  set(value: T): void {
    const key = this.keyOf(value)
    if (this.#many) this.#many.set(key, value)
    else if (this.#only === undefined || this.keyOf(this.#only) === key) this.#only = value
    else {
      this.#many = new Map([
        [this.keyOf(this.#only), this.#only],
        [key, value],
      ])
      this.#only = undefined
    }
  }

  delete(key: string): void {
    if (this.#many) this.#many.delete(key)
    else if (this.has(key)) this.#only = undefined
  }

  keys(): string[] {
    return this.#many ? [...this.#many.keys()] : this.#only === undefined ? [] : [this.keyOf(this.#only)]
  }
}
