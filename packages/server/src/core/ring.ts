const LEAST = 8

/**
 * A queue in one array, whose slots are used again. Moving it on to a new array, now and then, would leave the old one
 * behind with all that it held: once it has outlived two collections of V8's young objects, so does each of those, and
 * what was meant to be short-lived waits for the next full collection.
 */
export class Ring<T extends object> {
  #slots: (T | undefined)[] = []
  #start = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  /** 0 is the oldest. */
  at(index: number): T | undefined {
    return index >= 0 && index < this.#length ? this.#slots[this.#slotOf(index)] : undefined
  }

  push(item: T): void {
    if (this.#length === this.#slots.length) this.#resize(Math.max(LEAST, 2 * this.#length))
    this.#slots[this.#slotOf(this.#length)] = item
    this.#length++
  }

  /** Takes the oldest out. */
  shift(): T | undefined {
    const oldest = this.at(0)
    if (oldest === undefined) return undefined
    this.#slots[this.#start] = undefined
    this.#start = this.#slotOf(1)
    this.#length--
    if (this.#slots.length > LEAST && this.#length <= this.#slots.length / 4)
      this.#resize(this.#slots.length / 2)
    return oldest
  }

  #slotOf(index: number): number {
    const slot = this.#start + index
    return slot < this.#slots.length ? slot : slot - this.#slots.length
  }

  #resize(capacity: number): void {
    const slots = new Array<T | undefined>(capacity).fill(undefined)
    for (let index = 0; index < this.#length; index++) slots[index] = this.at(index)
    this.#slots.fill(undefined)
    this.#slots = slots
    this.#start = 0
  }
}
