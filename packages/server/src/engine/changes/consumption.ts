import { RoomfulError } from '@roomful/protocol'
import type { AnyProtocol, Change, ChangesStart } from '../../api/api.js'
import type { Position } from '../../api/contracts/backplane.js'
import type { ChangeFeed, FeedEntry } from '../../api/contracts/change-feed.js'
import { type Clock, pause } from '../../api/contracts/clock.js'
import type { Logger } from '../../api/contracts/logger.js'
import { ReportedFailure } from '../../api/contracts/reported-failure.js'
import type { ChangesHandler } from '../../api/handles/changes-handler.js'
import { Lanes } from '../../util/lanes.js'
import { Batch, type Taken } from './batch.js'
import { changeOf } from './change-of.js'
import { follow, patiently, placeOf } from './follow.js'
import { Progress } from './progress.js'
import { Alarm, retryDelay } from './waiting.js'

type Changes = readonly Change<AnyProtocol>[]

export interface ConsumerSettings {
  readonly name: string
  readonly handler: ChangesHandler
  readonly from: ChangesStart
  readonly batch: number
  readonly ahead: number
  readonly leaseMs: number
  readonly retryMs: number
}

export interface ConsumptionDeps {
  readonly feed: ChangeFeed
  readonly clock: Clock
  readonly logger: Logger
  /** Identifies this node. */
  readonly owner: string
}

/** The time for which a node has a consumer. */
export interface Lease {
  /** Aborted when another node may have the consumer, and may repeat what the handler is doing. */
  readonly lost: AbortController
  /** Aborted when the lease is lost or about to be released. */
  readonly ended: AbortController
}

const PAGE = 100
/** Where each change is a batch of its own, the position is stored at most so often: it may cost a sync of the disk. */
const STORE_MS = 100
/** What may be taken ahead, in characters: entries are small as a rule, and memory must be bounded when they are not. */
const AHEAD_LENGTH = 16 * 1024 * 1024

/** Passes the changes of the feed to a handler while this node has the lease, and stores how far it got. */
export class Consumption {
  readonly #progress = new Progress()
  readonly #lanes: Lanes<Taken>
  readonly #moved: Alarm
  /** How often changes were missed, and how many of these times the handler knows of. */
  #losses = 0
  #told = 0
  #stored: Position | undefined
  #storing: Promise<void> | undefined
  #cancelStoring: (() => void) | undefined
  /** What ended it, if nothing should have. */
  #fault: { readonly error: unknown } | undefined

  constructor(
    private readonly settings: ConsumerSettings,
    private readonly deps: ConsumptionDeps,
    private readonly lease: Lease,
  ) {
    const laneOf = ({ entry }: Taken) => (settings.ahead > 0 ? entry.stream : '')
    this.#lanes = new Lanes(laneOf, settings.batch, (taken) =>
      this.#handle(new Batch(taken, deps.feed, deps.clock)).catch((error: unknown) => this.#fail(error)),
    )
    this.#moved = new Alarm(deps.clock)
    lease.ended.signal.addEventListener('abort', this.#moved.ring)
  }

  /**
   * Resolves once the lease has ended, no handler runs any more, and the position is stored. Reports missing changes,
   * and continues after them instead of stopping for ever.
   */
  async run(cursor: Position | undefined): Promise<void> {
    const { signal } = this.lease.ended
    let start = cursor ?? (await this.#begin())
    while (start !== undefined && !signal.aborted) {
      try {
        await this.#consume(start)
      } catch (err) {
        start = this.#afterFault(err)
      }
    }
    await this.#lanes.settled()
    this.#cancelStoring?.()
    await this.#store()
    if (this.#fault) throw this.#fault.error
  }

  #afterFault(err: unknown): ChangesStart | undefined {
    if (!(err instanceof RoomfulError) || err.code !== 'cursor_gone') {
      this.#fail(err)
      return undefined
    }
    this.#log(
      'error',
      err,
      'consume: changes were missed; continuing with the oldest after which none is missing',
    )
    this.#losses++
    return 'oldest'
  }

  /**
   * The position at which to begin. It is stored at once if it is the current end, so that entries logged before the
   * first commit are not skipped.
   */
  async #begin(): Promise<Position | ChangesStart | undefined> {
    const { from } = this.settings
    if (from === 'oldest') return from
    const place = await placeOf(this.deps.feed, from, { ...this.deps, signal: this.lease.ended.signal })
    return place && (await this.#commit(place)) ? place : undefined
  }

  async #consume(start: Position | ChangesStart): Promise<void> {
    const { signal } = this.lease.ended
    const { ahead, batch } = this.settings
    const pageSize = Math.max(batch, Math.min(ahead, PAGE))
    const how = { start, pageSize, batch: pageSize, isLive: true }
    for await (const { entries, isFresh } of follow(this.deps.feed, how, { ...this.deps, signal })) {
      for (const entry of entries) this.#progress.take(entry)
      this.#lanes.add(entries.map((entry) => ({ entry, isFresh })))
      while (this.#isFull && !signal.aborted) await this.#moved.next(Number.POSITIVE_INFINITY)
      if (ahead === 0) await this.#store()
    }
  }

  /** Whether the next page has to wait. */
  get #isFull(): boolean {
    const { count, bytes } = this.#progress
    return count > this.settings.ahead || bytes > AHEAD_LENGTH
  }

  /** Repeats a batch until the handler has done it, or until the lease has ended. */
  async #handle(batch: Batch): Promise<boolean> {
    const { lost, ended } = this.lease
    const given = { ids: batch.ids, present: () => this.#presentOrFail(batch) }
    for (let attempt = 1; !ended.signal.aborted; attempt++) {
      const changes = await this.#present(batch)
      if (!changes) return false
      const losses = this.#losses
      const missed = losses > this.#told
      const failure = await this.#attempt(changes, { signal: lost.signal, missed, attempt }, given)
      if (!failure) {
        if (changes.length > 0) this.#told = Math.max(this.#told, losses)
        this.#finish(batch.taken.map(({ entry }) => entry))
        return true
      }
      await pause(this.deps.clock, this.#delay(failure.error, attempt), ended.signal)
    }
    return false
  }

  /** Resolves with `undefined` if the lease ends before they can be read. */
  async #present(batch: Batch): Promise<Changes | undefined> {
    const { size } = batch
    const entries = await patiently(() => batch.present(), { ...this.deps, signal: this.lease.ended.signal })
    if (batch.size < size) {
      this.#losses++
      this.deps.logger.error(
        { consumer: this.settings.name, count: size - batch.size },
        'consume: changes were missed; they were gone when they were to be handed over',
      )
    }
    return entries?.map(changeOf)
  }

  /** The handler fails without a line in the log: it is handed the changes again, by whoever has the consumer then. */
  async #presentOrFail(batch: Batch): Promise<Changes> {
    const changes = await this.#present(batch)
    if (changes) return changes
    throw new ReportedFailure('unavailable', { message: 'consume: the lease has ended' })
  }

  async #attempt(
    ...args: Parameters<ConsumerSettings['handler']>
  ): Promise<{ readonly error: unknown } | undefined> {
    try {
      await this.settings.handler(...args)
      return undefined
    } catch (error) {
      this.#report(error)
      return { error }
    }
  }

  #report(error: unknown): void {
    if (error instanceof ReportedFailure) return
    const level = isTemporary(error) ? 'warn' : 'error'
    this.#log(level, error, 'consume: the handler failed; it will get the same changes again')
  }

  #delay(error: unknown, attempt: number): number {
    const { retryMs } = this.settings
    const asked = isTemporary(error) ? error.retryAfterMs : undefined
    return asked === undefined ? retryDelay(attempt, retryMs) : Math.min(asked, retryMs)
  }

  #finish(entries: readonly FeedEntry[]): void {
    this.#progress.finish(entries)
    this.#moved.ring()
    if (this.settings.ahead > 0) this.#storeSoon()
  }

  #storeSoon(): void {
    this.#cancelStoring ??= this.deps.clock.after(STORE_MS, () => {
      this.#cancelStoring = undefined
      this.#store().catch((error: unknown) => this.#fail(error))
    })
  }

  #fail(error: unknown): false {
    this.#fault ??= { error }
    this.lease.ended.abort()
    return false
  }

  /** Stores the position up to which everything is done, and then the next one if it has moved meanwhile. */
  #store(): Promise<void> {
    this.#storing ??= this.#storeAll().finally(() => {
      this.#storing = undefined
    })
    return this.#storing
  }

  /** A loss that the handler does not know of is before this position: stored, nobody would ever tell of it. */
  async #storeAll(): Promise<void> {
    for (
      let { reached } = this.#progress;
      reached && reached !== this.#stored && this.#losses === this.#told;
      { reached } = this.#progress
    ) {
      if (!(await this.#commit(reached))) return
      this.#stored = reached
    }
  }

  async #commit(cursor: Position): Promise<boolean> {
    const { feed, owner } = this.deps
    const { lost, ended } = this.lease
    const committing = () => feed.commit(this.settings.name, owner, cursor)
    const isKept = (await patiently(committing, { ...this.deps, signal: lost.signal })) ?? false
    if (!isKept) {
      lost.abort()
      ended.abort()
    }
    return isKept
  }

  #log(level: 'warn' | 'error', err: unknown, event: string): void {
    this.deps.logger[level]({ consumer: this.settings.name, err }, event)
  }
}

/** Whether a handler has said itself that it will work later. */
function isTemporary(error: unknown): error is RoomfulError {
  return error instanceof RoomfulError && error.temporary
}
