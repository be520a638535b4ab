import type { AnyProtocol, HandlerBatchItem, RoomContext } from '../../api/api.js'
import type { Clock } from '../../api/contracts/clock.js'
import type { ApplicationCalls } from './calls.js'
import type { BatchHandler } from './handlers.js'

type Context = RoomContext<AnyProtocol, unknown>

interface Collected {
  readonly items: HandlerBatchItem<Context, object>[]
  readonly handOver: () => Promise<void>
}

/**
 * Collects the messages of one type in one stream until there are enough, or until the first has waited long enough.
 */
export class HandlerBatches {
  readonly #collected = new Map<string, Collected>()

  constructor(
    private readonly clock: Clock,
    private readonly calls: ApplicationCalls,
  ) {}

  add(type: string, stream: string, batch: BatchHandler, item: HandlerBatchItem<Context, object>): void {
    const key = `${type} ${stream}`
    const { items, handOver } = this.#collected.get(key) ?? this.#collect(key, type, batch)
    items.push(item)
    if (items.length >= batch.size) void handOver()
  }

  /** Passes on the waiting messages; resolves when the handlers have finished with them. */
  async finish(): Promise<void> {
    await Promise.all([...this.#collected.values()].map(({ handOver }) => handOver()))
  }

  #collect(key: string, type: string, batch: BatchHandler): Collected {
    const items: HandlerBatchItem<Context, object>[] = []
    const handOver = async () => {
      this.#collected.delete(key)
      cancel()
      await this.calls.run(`handle.${type}`, undefined, () => batch.handle(items))
    }
    const cancel = this.clock.after(batch.ms, () => void handOver())
    const collected = { items, handOver }
    this.#collected.set(key, collected)
    return collected
  }
}
