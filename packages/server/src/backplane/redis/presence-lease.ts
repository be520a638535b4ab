import type { JsonObject } from '@roomful/protocol'
import type { NodeLink, PresenceSnapshot, PresentUser } from '../../api/contracts/backplane.js'
import type { RedisSettings } from './options.js'
import { Roster } from './roster.js'
import type { PresentConnection, RedisStore } from './store.js'
import { parseTask, type Task, taskText } from './tasks.js'

const SWEEP_MS = 1_000
/**
 * The number of tasks that a sweep takes, and of memberships that it handles at a time: so no node takes all, and
 * none floods Redis.
 */
const TASKS = 100
const CHUNK = 200
/** A task that was not finished within this time can be taken by another node. */
const RETRY_MS = 10_000
/** The task that ends a grace period is due a little later than the period itself. */
const GRACE_MARGIN_MS = 50

/**
 * Keeps the users who are present through this node in Redis, under the node's lease. If the node dies, the others
 * end its memberships. Whenever Redis may not know what this node knows (a lapsed lease, a failover, a missing
 * answer), the node enters all of its members again under a new lease. Members that nobody enters again end with the
 * old lease.
 */
export class PresenceLease {
  readonly #roster = new Roster()
  #lease: string
  #isInDoubt = false
  #isBusy = false
  readonly #stops: (() => void)[] = []

  constructor(
    private readonly store: RedisStore,
    private readonly node: NodeLink,
    private readonly settings: Pick<RedisSettings, 'leaseMs' | 'leaseRenewMs'>,
    /** The newest presence version of a stream that this node knows. */
    private readonly seen: (stream: string) => number,
    /** Called when all members were entered again: the users who are shown may differ from those who are present. */
    private readonly reentered: () => void,
  ) {
    this.#lease = node.newId()
  }

  async start(): Promise<void> {
    await this.store.schedule(this.#task(), this.settings.leaseMs)
    const { clock } = this.node
    this.#stops.push(
      clock.every(this.settings.leaseRenewMs, () => this.#quietly(() => this.#renew())),
      clock.every(SWEEP_MS, () => this.#quietly(() => this.#sweep())),
    )
  }

  /** Ends the remaining memberships now, rather than when the lease would lapse. */
  async close(): Promise<void> {
    for (const stop of this.#stops) stop()
    if (this.store.ready)
      await this.store.extend(this.#task(), 0).catch((error: unknown) => this.#report(error))
  }

  /** Redis is back, and may have lost its data. */
  reconnected(): void {
    this.#isInDoubt = true
    this.#quietly(() => this.#renew())
  }

  async enter(stream: string, user: PresentUser, connection: string): Promise<PresenceSnapshot> {
    const membership = { stream, userId: user.userId, connection }
    const wasHere = this.#roster.has(membership)
    this.#roster.add(stream, user, connection)
    try {
      return await this.#enter(membership, user, this.node.listedMembers)
    } catch (error) {
      if (!wasHere) this.#roster.remove(membership)
      this.#isInDoubt = true
      throw error
    }
  }

  async update(stream: string, userId: string, state: JsonObject): Promise<void> {
    this.#roster.setState(stream, userId, state)
    await this.store.update(stream, userId, JSON.stringify(state), this.seen(stream))
  }

  async leave(membership: PresentConnection, mayReturn: boolean): Promise<void> {
    this.#roster.remove(membership)
    try {
      await this.#leave(membership, undefined, mayReturn)
      await this.store.remove(this.#lease, [membership])
    } catch (error) {
      this.#isInDoubt = true
      throw error
    }
  }

  /** Records the membership first, so that the user's presence ends with the lease whatever happens in between. */
  async #enter(membership: PresentConnection, user: PresentUser, listed: number): Promise<PresenceSnapshot> {
    const { stream, connection } = membership
    const lease = this.#lease
    const noted = this.store.record(lease, [membership])
    const at = { connection, lease, seen: this.seen(stream), listed }
    const [{ snapshot, isNew }] = await Promise.all([this.store.enter(stream, user, at), noted])
    const { userId } = user
    if (isNew) this.node.occupancyChanged?.(stream, { event: 'enter', userId, count: snapshot.count })
    return snapshot
  }

  async #leave(membership: PresentConnection, lease: string | undefined, mayReturn: boolean): Promise<void> {
    const { stream, userId } = membership
    const graceMs = mayReturn ? this.node.graceMs : 0
    const task = taskText({ kind: 'grace', stream, userId })
    const noted = graceMs > 0 ? this.store.schedule(task, graceMs + GRACE_MARGIN_MS) : undefined
    const how = { lease, graceMs, seen: this.seen(stream) }
    const [count] = await Promise.all([this.store.leave(membership, how), noted])
    this.#left(stream, userId, count)
  }

  #left(stream: string, userId: string, count: number | undefined): void {
    if (count !== undefined) this.node.occupancyChanged?.(stream, { event: 'leave', userId, count })
  }

  async #renew(): Promise<void> {
    if (this.#isBusy || !this.store.ready) return
    this.#isBusy = true
    try {
      const isHeld = !this.#isInDoubt && (await this.store.extend(this.#task(), this.settings.leaseMs))
      if (isHeld) await this.store.keepNoted(this.#lease)
      else await this.#moveToNewLease()
    } finally {
      this.#isBusy = false
    }
  }

  async #moveToNewLease(): Promise<void> {
    this.#isInDoubt = false
    const old = this.#lease
    this.#lease = this.node.newId()
    try {
      await this.store.schedule(this.#task(), this.settings.leaseMs)
      for (const chunk of chunks([...this.#roster.all()])) {
        await this.store.extend(this.#task(), this.settings.leaseMs)
        const here = chunk.filter(({ membership }) => this.#roster.has(membership))
        await Promise.all(here.map(({ membership, user }) => this.#enter(membership, user, 0)))
        if (here.length > 0)
          await this.store.remove(
            old,
            here.map(({ membership }) => membership),
          )
      }
      this.reentered()
    } catch (error) {
      this.#isInDoubt = true
      throw error
    }
  }

  async #sweep(): Promise<void> {
    if (!this.store.ready) return
    const texts = await this.store.takeDue(TASKS, RETRY_MS)
    await Promise.all(texts.map((text) => this.#carryOut(text)))
  }

  async #carryOut(text: string): Promise<void> {
    const task = parseTask(text)
    const left = task?.kind === 'grace' ? await this.#endGrace(task) : 0
    if (task?.kind === 'lease') await this.#endLease(task.lease)
    await this.store.done(text)
    if (left > 0) await this.store.schedule(text, left + GRACE_MARGIN_MS)
  }

  async #endGrace({ stream, userId }: Extract<Task, { kind: 'grace' }>): Promise<number> {
    const { leftMs, count } = await this.store.endGrace(stream, userId, this.seen(stream))
    this.#left(stream, userId, count)
    return leftMs
  }

  /** If the node was only cut off, its users had no chance to return yet, so they get the grace period. */
  async #endLease(lease: string): Promise<void> {
    for (;;) {
      const memberships = await this.store.noted(lease, CHUNK)
      if (memberships.length === 0) return
      await Promise.all(memberships.map((membership) => this.#leave(membership, lease, true)))
      await this.store.remove(lease, memberships)
    }
  }

  #task(): string {
    return taskText({ kind: 'lease', lease: this.#lease })
  }

  /** Ignores failures: the work is due again later. */
  #quietly(work: () => Promise<void>): void {
    work().catch((error: unknown) => this.#report(error))
  }

  #report(error: unknown): void {
    this.node.logger.warn(
      { err: error },
      'redis: the presence of this node could not be renewed; trying again',
    )
  }
}

function* chunks<T>(items: readonly T[]): IterableIterator<readonly T[]> {
  for (let start = 0; start < items.length; start += CHUNK) yield items.slice(start, start + CHUNK)
}
