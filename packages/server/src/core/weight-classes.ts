import { SmallSet } from './small-collections.js'

/** Weights up to it share the lowest class. */
const UNIT = 1024

/**
 * Items by weight, to within a factor of two, so that the heaviest and the lightest are found without a look at the
 * others. Of items of one class, the one that came into it first goes first.
 */
export class WeightClasses<T extends object> {
  readonly #classes: (SmallSet<T> | undefined)[] = []

  /** Moves an item to the class of its new weight. A weight of 0 stands for not being here. */
  move(item: T, from: number, to: number): void {
    const [before, after] = [classOf(from), classOf(to)]
    if (before === after) return
    this.#remove(item, before)
    if (after < 0) return
    const items = this.#classes[after] ?? new SmallSet<T>()
    items.add(item)
    this.#classes[after] = items
  }

  get heaviest(): T | undefined {
    return firstOf(this.#classes.findLast((items) => items !== undefined))
  }

  get lightest(): T | undefined {
    return firstOf(this.#classes.find((items) => items !== undefined))
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

function firstOf<T>(items: Iterable<T> = []): T | undefined {
  for (const item of items) return item
  return undefined
}
