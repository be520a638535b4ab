import type { AnyProtocol, Batch, BatchItem, RoomContext } from './api.js'
import type { ApplicationCalls } from './application.js'
import type { Clock } from './clock.js'

type Context = RoomContext<AnyProtocol, unknown>
type AnyBatch = Batch<Context, object>

interface Collected {
  items: BatchItem<Context, object>[]
  cancel: () => void
}

/** Collects the messages of one type in one room until there are enough, or the first has waited long enough. */
export class Batches {
  readonly #collected = new Map<string, Collected>()

  constructor(
    private readonly clock: Clock,
    private readonly calls: ApplicationCalls,
  ) {}

  add(type: string, roomId: string, batch: AnyBatch, item: BatchItem<Context, object>): void {
    const key = `${type} ${roomId}`
    const collected = this.#collected.get(key) ?? {
      items: [],
      cancel: this.clock.after(batch.ms, () => this.#flush(key, type, batch)),
    }
    this.#collected.set(key, collected)
    collected.items.push(item)
    if (collected.items.length >= batch.size) this.#flush(key, type, batch)
  }

  #flush(key: string, type: string, batch: AnyBatch): void {
    const collected = this.#collected.get(key)
    if (!collected) return
    this.#collected.delete(key)
    collected.cancel()
    this.calls.notify(`handle.${type}`, undefined, () => batch.handle(collected.items))
  }
}
