import type { Clock } from '@roomful/server'
import type { Random } from '../random.js'
import type { ModelClient } from './model-client.js'

/** The longest that a frame takes in one direction, in ms, unless the road is long. */
const NEAR_MS = 4

export type Blockade = 'refused' | 'to_redis' | 'to_node' | 'both'

/** The way from one node to Redis, and what can happen on it. */
export class Road {
  readonly travellers = new Set<ModelClient>()
  #mostMs = NEAR_MS
  #blockade: Blockade | undefined

  constructor(readonly clock: Clock) {}

  get isBlocked(): boolean {
    return this.#blockade !== undefined
  }

  delay(random: Random): number {
    return random.between(0, this.#mostMs)
  }

  /** From now on a frame takes up to this long in one direction. */
  lengthen(mostMs: number): void {
    this.#mostMs = mostMs
  }

  shorten(): void {
    this.#mostMs = NEAR_MS
  }

  /** Nothing passes until it is opened again: connections break at once, or both ends wait for what does not come. */
  block(how: Blockade): void {
    if (this.#blockade) return
    this.#blockade = how
    if (how === 'refused') for (const traveller of this.travellers) traveller.cut()
    else this.#hold(how, true)
  }

  open(): void {
    const how = this.#blockade
    this.#blockade = undefined
    if (how && how !== 'refused') this.#hold(how, false)
  }

  #hold(how: Exclude<Blockade, 'refused'>, isHeld: boolean): void {
    for (const traveller of this.travellers) {
      if (how !== 'to_node') traveller.hold('to_redis', isHeld)
      if (how !== 'to_redis') traveller.hold('to_node', isHeld)
    }
  }
}
