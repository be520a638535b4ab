/** Weights up to this share the lowest class. */
const UNIT = 1024

/**
 * Items by weight, exact to a factor of two, so that the heaviest and the lightest are found without looking at the
 * others. Within a class, the item that entered first comes first.
 */
export class WeightClasses<T extends object> {
  readonly #classes: (Line<T> | undefined)[] = []

  /** Moves an item to the class of its new weight. A weight of 0 means that it is not in the collection. */
  move(item: T, from: number, to: number): void {
    const [before, after] = [classOf(from), classOf(to)]
    if (before === after) return
    this.#remove(item, before)
    if (after < 0) return
    const items = this.#classes[after] ?? new Line<T>()
    items.add(item)
    this.#classes[after] = items
  }

  get heaviest(): T | undefined {
    return this.#classes.findLast((line) => line !== undefined)?.first
  }

  get lightest(): T | undefined {
    return this.#classes.find((line) => line !== undefined)?.first
  }

  #remove(item: T, index: number): void {
    const items = this.#classes[index]
    items?.delete(item)
    if (items?.size === 0) this.#classes[index] = undefined
  }
}

function classOf(weight: number): number {
  return weight === 0 ? -1 : 32 - Math.clz32(weight / UNIT)
}

/** Items in the order in which they were added. */
class Line<T extends object> {
  readonly #items = new Set<T>()
  #first: T | undefined
  /**
   * Where the search for the next first item continues. From the start, it would have to skip the slots of all
   * deleted items.
   */
  #rest: Iterator<T> | undefined

  get size(): number {
    return this.#items.size
  }

  /** Requires that there are items. */
  get first(): T | undefined {
    while (this.#first === undefined || !this.#items.has(this.#first)) {
      this.#rest ??= this.#items[Symbol.iterator]()
      const { value, done } = this.#rest.next()
      this.#first = value
      if (done) this.#rest = undefined
    }
    return this.#first
  }

  add(item: T): void {
    this.#items.add(item)
  }

  delete(item: T): void {
    this.#items.delete(item)
    if (this.#first === item) this.#first = undefined
  }
}
