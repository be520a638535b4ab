import type { Clock } from '../../api/contracts/clock.js'
import type { Limits } from '../../api/options/limits.js'
import { paid, type Rate, waitFor } from '../../util/rate-limit.js'
import type { Connection } from '../connection/connection.js'
import type { EndOfTurn } from '../connection/end-of-turn.js'
import type { Metrics } from '../process/metrics.js'
import type { Audience } from './audience.js'
import type { Item } from './write-batch.js'

type FlushLimits = Pick<
  Limits,
  'flushMs' | 'flushMessages' | 'flushBytes' | 'presenceUpdatesPerSecond' | 'presenceUpdatesBurst'
>

/**
 * Delivers messages to connections. Messages that arrive within one turn of the event loop, or within `flushMs` of a
 * room's first message, are sent together: each frame is built once, and each connection gets one write.
 */
export class FanOut {
  readonly #noticeRate: Rate
  /** Audiences with waiting frames. */
  readonly #due = new Set<Audience>()

  constructor(
    private readonly clock: Clock,
    private readonly metrics: Metrics,
    private readonly limits: FlushLimits,
    private readonly endOfTurn: EndOfTurn,
  ) {
    this.#noticeRate = { perSecond: limits.presenceUpdatesPerSecond, burst: limits.presenceUpdatesBurst }
  }

  /** Sends an item to all members, in order. */
  deliver(audience: Audience, item: Item): void {
    if (audience.size === 0) return
    audience.collect(item)
    if (this.#isFull(audience)) this.#flushIn(audience, 0)
    else if (!item.notice) this.#flushIn(audience, this.limits.flushMs)
    else if (!audience.isScheduled) this.#flushIn(audience, this.#noticeWait(audience))
  }

  /**
   * Delivers to a connection from now on. A member that joins again first gets the frames that are waiting for it.
   */
  attach(audience: Audience, connection: Connection, userId: string): void {
    if (audience.isLive(connection.id)) this.#flush(audience)
    audience.add(connection, userId)
  }

  /** Writes all waiting frames at once, because the node is stopping. */
  finish(): void {
    for (const audience of this.#due) this.#flush(audience)
    this.endOfTurn.run()
  }

  #isFull({ waiting }: Audience): boolean {
    return waiting.length >= this.limits.flushMessages || waiting.size >= this.limits.flushBytes
  }

  /**
   * A room with many joins and leaves collects them: a thousand joins must not cause a thousand writes to each
   * member.
   */
  #noticeWait(audience: Audience): number {
    const now = this.clock.now()
    const wait = waitFor(audience.notices, this.#noticeRate, now)
    audience.notices = paid(audience.notices, this.#noticeRate, now + wait)
    return Math.max(wait, this.limits.flushMs)
  }

  #flushIn(audience: Audience, ms: number): void {
    const dueAt = this.clock.now() + ms
    if (dueAt >= audience.dueAt) return
    audience.cancelTimer()
    audience.dueAt = dueAt
    this.#due.add(audience)
    if (ms > 0) audience.cancelTimer = this.clock.after(ms, () => this.#flushSoon(audience))
    else this.#flushSoon(audience)
  }

  #flushSoon(audience: Audience): void {
    this.endOfTurn.handOver(() => this.#flush(audience))
  }

  #flush(audience: Audience): void {
    this.#due.delete(audience)
    if (audience.flush()) this.metrics.fanOuts++
  }
}
