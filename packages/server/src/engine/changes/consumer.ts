import { RoomfulError } from '@roomful/protocol'
import type { AnyProtocol, ChangesStart, ConsumeHandler } from '../../api/api.js'
import type { Position } from '../../api/contracts/backplane.js'
import type { ChangeFeed, FeedEntry } from '../../api/contracts/change-feed.js'
import type { Clock } from '../../api/contracts/clock.js'
import type { Logger } from '../../api/contracts/logger.js'
import { changeOf } from './change-of.js'
import { follow, patiently, placeOf } from './follow.js'
import { pause, retryDelay } from './waiting.js'

export interface ConsumerSettings {
  readonly name: string
  readonly handler: ConsumeHandler<AnyProtocol>
  readonly from: ChangesStart
  readonly batch: number
  readonly leaseMs: number
  readonly retryMs: number
}

export interface ConsumerDeps {
  readonly feed: ChangeFeed
  readonly clock: Clock
  readonly logger: Logger
  /** Identifies this node. */
  readonly owner: string
  /** Resolves once the backplane has started. */
  started(): Promise<void>
}

/** The time for which this node has the consumer. */
interface Lease {
  /** Aborted when another node may have the consumer, and may repeat what the handler is doing. */
  readonly lost: AbortController
  /** Aborted when the lease is lost or about to be released. */
  readonly ended: AbortController
}

/** Renewals within the duration of a lease: the lease is lost only after this many have failed. */
const RENEWALS = 3

/** Passes the changes of the feed to a handler, batch by batch, while this node has the consumer. */
export class ChangeConsumer {
  readonly #stopping = new AbortController()
  #lease: Lease | undefined
  readonly #done: Promise<void>

  constructor(
    private readonly settings: ConsumerSettings,
    private readonly deps: ConsumerDeps,
  ) {
    this.#done = this.#run().catch((err: unknown) => this.#log('error', err, 'consume: a consumer ended'))
  }

  /** Resolves once the handler has finished and its position is stored. */
  stop(): Promise<void> {
    this.#stopping.abort()
    this.#lease?.ended.abort()
    return this.#done
  }

  /** Tells the handler that nobody waits for it any more. */
  abandon(): void {
    this.#lease?.lost.abort()
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    await this.deps.started()
    while (!signal.aborted) {
      const claim = await patiently(() => this.#claim(), { ...this.deps, signal })
      if (claim) await this.#lead(claim.cursor)
      else await pause(this.deps.clock, this.settings.leaseMs / RENEWALS, signal)
    }
  }

  async #lead(cursor: Position | undefined): Promise<void> {
    const lease = { lost: new AbortController(), ended: new AbortController() }
    this.#lease = lease
    if (this.#stopping.signal.aborted) lease.ended.abort()
    const endRenewals = this.#renew(lease)
    try {
      await this.#consume(cursor, lease)
    } finally {
      endRenewals()
      this.#lease = undefined
      await this.deps.feed
        .release(this.settings.name, this.deps.owner)
        .catch((err: unknown) =>
          this.#log('debug', err, 'consume: a consumer could not be released; its lease will end'),
        )
    }
  }

  #renew({ lost, ended }: Lease): () => void {
    const { clock } = this.deps
    const { leaseMs } = this.settings
    let heldUntil = clock.now() + leaseMs
    const lose = () => {
      lost.abort()
      ended.abort()
    }
    return clock.every(leaseMs / RENEWALS, () => {
      const asked = clock.now()
      if (asked >= heldUntil) lose()
      this.#claim().then(
        (claim) => {
          if (claim) heldUntil = asked + leaseMs
          else lose()
        },
        (err: unknown) => this.#log('warn', err, 'consume: a lease could not be renewed; trying again'),
      )
    })
  }

  /** Reports missing changes, and continues after them instead of stopping for ever. */
  async #consume(cursor: Position | undefined, lease: Lease): Promise<void> {
    let start = cursor ?? (await this.#begin(lease))
    let missed = false
    while (start !== undefined && !lease.ended.signal.aborted) {
      try {
        for await (const page of this.#pages(start, lease)) {
          if (!(await this.#handle(page, missed, lease))) return
          missed = false
        }
      } catch (err) {
        if (!(err instanceof RoomfulError) || err.code !== 'cursor_gone') throw err
        this.#log(
          'error',
          err,
          'consume: changes were missed; continuing with the oldest after which none is missing',
        )
        start = 'oldest'
        missed = true
      }
    }
  }

  /**
   * The position at which to begin. It is stored at once if it is the current end, so that entries logged before the
   * first commit are not skipped.
   */
  async #begin(lease: Lease): Promise<Position | ChangesStart | undefined> {
    const { from } = this.settings
    if (from === 'oldest') return from
    const place = await placeOf(this.deps.feed, from, { ...this.deps, signal: lease.ended.signal })
    return place && (await this.#commit(place, lease)) ? place : undefined
  }

  #pages(start: Position | ChangesStart, lease: Lease): AsyncGenerator<readonly FeedEntry[], void> {
    const how = { start, pageSize: this.settings.batch, isLive: true }
    return follow(this.deps.feed, how, { ...this.deps, signal: lease.ended.signal })
  }

  /** Resolves with false if the lease ended before the batch was handled. */
  async #handle(page: readonly FeedEntry[], missed: boolean, lease: Lease): Promise<boolean> {
    const last = page.at(-1)
    const changes = page.map(changeOf)
    const context = { signal: lease.lost.signal, missed }
    for (let failures = 1; !(await this.#attempt(changes, context)); failures++) {
      await pause(this.deps.clock, retryDelay(failures, this.settings.retryMs), lease.ended.signal)
      if (lease.ended.signal.aborted) return false
    }
    return last === undefined || this.#commit(last.cursor, lease)
  }

  async #attempt(...args: Parameters<ConsumerSettings['handler']>): Promise<boolean> {
    try {
      await this.settings.handler(...args)
      return true
    } catch (err) {
      this.#log('error', err, 'consume: the handler failed; it will get the same changes again')
      return false
    }
  }

  async #commit(cursor: Position, { lost, ended }: Lease): Promise<boolean> {
    const { feed, owner } = this.deps
    const committing = () => feed.commit(this.settings.name, owner, cursor)
    const isKept = (await patiently(committing, { ...this.deps, signal: lost.signal })) ?? false
    if (!isKept) {
      lost.abort()
      ended.abort()
    }
    return isKept
  }

  #claim() {
    return this.deps.feed.claim(this.settings.name, this.deps.owner, this.settings.leaseMs)
  }

  #log(level: 'debug' | 'warn' | 'error', err: unknown, event: string): void {
    this.deps.logger[level]({ consumer: this.settings.name, err }, event)
  }
}
