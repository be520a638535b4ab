import type {
  AnyProtocol,
  Change,
  ChangesOptions,
  ConsumeHandler,
  ConsumeOptions,
  Consumer,
} from '../../api/api.js'
import type { Backplane } from '../../api/contracts/backplane.js'
import type { ChangeFeed } from '../../api/contracts/change-feed.js'
import type { Clock } from '../../api/contracts/clock.js'
import { parseCursor } from '../../api/contracts/cursor.js'
import type { Logger } from '../../api/contracts/logger.js'
import type { ChangesHandler } from '../../api/handles/changes-handler.js'
import { assertChangesOptions, assertConsume } from '../../api/options/check-options.js'
import type { LifeCycle } from '../process/life-cycle.js'
import { changeOf } from './change-of.js'
import { ChangeConsumer } from './consumer.js'
import { follow } from './follow.js'

export interface ChangesDeps {
  readonly lifeCycle: LifeCycle
  readonly backplane: Backplane
  readonly clock: Clock
  readonly logger: Logger
  newId(): string
}

const PAGE = 500

/** Iterates over the changes of all rooms, for the application. */
export class Changes {
  readonly #running = new Set<AbortController>()
  readonly #consumers = new Map<string, ChangeConsumer>()

  constructor(private readonly deps: ChangesDeps) {}

  /** @throws TypeError for a wrong option, or if the backplane keeps no feed; RoomfulError `closed` */
  changes(options: ChangesOptions = {}): AsyncGenerator<Change<AnyProtocol>, void> {
    this.deps.lifeCycle.assertOpen()
    assertChangesOptions(options)
    const after = options.after === undefined ? undefined : parseCursor(options.after)
    if (options.after !== undefined && !after)
      throw new TypeError('changes: after must be the cursor of a change, unaltered')
    return this.#iterate(feedOf(this.deps.backplane, 'changes'), after ?? options.from ?? 'oldest', options)
  }

  /** @throws TypeError for a wrong argument, or if the backplane keeps no feed; RoomfulError `closed` */
  consume(name: string, handler: ConsumeHandler<AnyProtocol>, options: ConsumeOptions = {}): Consumer {
    this.deps.lifeCycle.assertOpen()
    assertConsume(name, handler, options)
    return this.start(
      name,
      (changes, context) => (changes.length > 0 ? handler(changes, context) : undefined),
      options,
    )
  }

  /** As {@link consume}, for a handler inside the server. */
  start(name: string, handler: ChangesHandler, options: ConsumeOptions): Consumer {
    const { lifeCycle, backplane, clock, logger } = this.deps
    const feed = feedOf(backplane, 'consume')
    if (this.#consumers.has(name))
      throw new TypeError(`consume: this server already has a consumer '${name}'`)
    const { from = 'oldest', batch = 100, ahead = 0, leaseMs = 15_000, retryMs = 60_000 } = options
    const started = () => lifeCycle.run(async () => {})
    const consumer = new ChangeConsumer(
      { name, handler, from, batch, ahead, leaseMs, retryMs },
      { feed, clock, logger, owner: this.deps.newId(), started },
    )
    this.#consumers.set(name, consumer)
    const stop = async () => {
      await consumer.stop()
      if (this.#consumers.get(name) === consumer) this.#consumers.delete(name)
    }
    return { name, stop }
  }

  /** Ends all reading. Resolves once the handlers of consumers have finished. */
  async stop(): Promise<void> {
    for (const controller of this.#running) controller.abort()
    await Promise.all([...this.#consumers.values()].map((consumer) => consumer.stop()))
  }

  /** Stops waiting for handlers. */
  abandon(): void {
    for (const consumer of this.#consumers.values()) consumer.abandon()
  }

  async *#iterate(
    feed: ChangeFeed,
    start: Parameters<typeof follow>[1]['start'],
    { limit = Number.POSITIVE_INFINITY, live = true, signal: given }: ChangesOptions,
  ): AsyncGenerator<Change<AnyProtocol>, void> {
    const { clock, logger, lifeCycle } = this.deps
    const controller = new AbortController()
    const { signal } = controller
    const abort = () => controller.abort()
    if (given?.aborted) return
    given?.addEventListener('abort', abort)
    this.#running.add(controller)
    try {
      await lifeCycle.run(async () => {})
      const how = { start, pageSize: Math.min(limit, PAGE), batch: 1, isLive: live }
      let left = limit
      for await (const { entries } of follow(feed, how, { clock, logger, signal })) {
        for (const entry of entries) {
          if (signal.aborted) return
          yield changeOf(entry)
          if (--left <= 0) return
        }
      }
    } finally {
      given?.removeEventListener('abort', abort)
      this.#running.delete(controller)
    }
  }
}

/** @throws TypeError if the backplane keeps no feed */
export function feedOf({ changes }: Backplane, caller: string): ChangeFeed {
  if (changes) return changes
  throw new TypeError(
    `${caller}: this backplane keeps no feed of all rooms; with Redis, turn it on on every node: redis({ changes: {} })`,
  )
}
