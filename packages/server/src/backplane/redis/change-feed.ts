import type { Position, Subscription } from '../../api/contracts/backplane.js'
import type { ChangeFeed, ConsumerClaim, FeedPage } from '../../api/contracts/change-feed.js'
import { resumeFault } from '../log/log.js'
import type { ChangeStore } from './change-store.js'

/** The feed as a node reads it: one subscription, whoever watches. */
export class RedisChangeFeed implements ChangeFeed {
  readonly #wakes = new Set<() => void>()
  #subscribed: Promise<void> | undefined

  constructor(
    private readonly store: ChangeStore,
    private readonly newId: () => string,
    /** What is not awaited has failed. */
    private readonly failed: (error: unknown) => void,
  ) {}

  async read(after: Position | undefined, limit: number, maxBytes: number): Promise<FeedPage> {
    const reply = await this.store.read(after?.offset, limit, maxBytes, this.newId())
    const { head, idAt, entries } = reply
    const fault = after && resumeFault({ epoch: head.epoch, head, idAt: () => idAt }, after)
    if (fault) return { entries: [], more: false, fault, head }
    const last = entries.at(-1)?.cursor.offset ?? after?.offset ?? 0
    return { entries, more: last < head.offset, fault: undefined, head }
  }

  async watch(wake: () => void): Promise<Subscription> {
    // A separate function for each call, so that one function that watches twice can stop twice.
    const own = () => wake()
    this.#wakes.add(own)
    const close = () => {
      if (this.#wakes.delete(own) && this.#wakes.size === 0) this.#unsubscribe()
    }
    try {
      this.#subscribed ??= this.store.subscribe(() => this.#wake())
      await this.#subscribed
      return { close }
    } catch (error) {
      close()
      throw error
    }
  }

  claim(consumer: string, owner: string, leaseMs: number): Promise<ConsumerClaim | undefined> {
    return this.store.claim(consumer, owner, leaseMs)
  }

  commit(consumer: string, owner: string, cursor: Position): Promise<boolean> {
    return this.store.commit(consumer, owner, cursor)
  }

  release(consumer: string, owner: string): Promise<void> {
    return this.store.release(consumer, owner)
  }

  #unsubscribe(): void {
    this.#subscribed = undefined
    this.store.unsubscribe().catch(this.failed)
  }

  #wake(): void {
    for (const wake of this.#wakes) wake()
  }
}
