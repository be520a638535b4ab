import type { Clock } from '../../api/contracts/clock.js'
import type { Logger } from '../../api/contracts/logger.js'
import { assertRetention, type RoomRetention, type SqliteSettings } from './options.js'
import type { SweepReply } from './requests.js'
import type { SharedStore } from './shared-store.js'

/** How long nothing is dropped by age, in ms: after the start, and after the wall clock was set. */
const STEADY_MS = 600_000
/** How much the wall clock and the monotonic clock may drift apart. */
const DRIFT_MS = 60_000
/**
 * Up to this many rooms with new entries are handled in the next sweep; further rooms wait for their regular turn.
 */
const MOST_WRITTEN = 1_000

/**
 * Makes the file drop entries beyond the limits, a little at a time. It decides the limits of each room, which only
 * this side can.
 */
export class Retention {
  readonly #due = new Set<string>()
  #isSweeping = false
  #hasTold = false
  #since: { readonly now: number; readonly wall: number } | undefined

  constructor(
    private readonly store: SharedStore,
    private readonly settings: SqliteSettings,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /** A room got an entry. */
  wrote(room: string): void {
    if (this.settings.retention && this.#due.size < MOST_WRITTEN) this.#due.add(room)
  }

  async sweep(): Promise<void> {
    if (this.#isSweeping || !this.store.ready) return
    this.#isSweeping = true
    try {
      while (await this.#once());
    } catch (err) {
      this.logger.debug({ err }, 'sqlite: old entries could not be dropped; trying again')
    } finally {
      this.#isSweeping = false
    }
  }

  /** Returns whether more should be dropped at once. */
  async #once(): Promise<boolean> {
    const keep = [...this.#due].map((room) => [room, this.#retentionOf(room)] as const)
    const times = { wallMs: this.clock.wallTime(), isSteady: this.#isSteady() }
    const reply = (await this.store.call({ kind: 'sweep', keep, times })) as SweepReply
    this.store.trimmed(reply.trimmed)
    this.#tellNearlyFull(reply.isNearlyFull)
    if (reply.isBusy) return true
    this.#due.clear()
    if (this.settings.retention) for (const name of reply.names) this.#due.add(name)
    return false
  }

  #retentionOf(room: string): RoomRetention {
    const { retention } = this.settings
    if (typeof retention !== 'function') return retention ?? {}
    try {
      const kept = retention(room) ?? {}
      assertRetention(kept)
      return kept
    } catch (err) {
      this.logger.error(
        { err, room },
        'sqlite: the option retention failed for a room, which keeps everything',
      )
      return {}
    }
  }

  #isSteady(): boolean {
    const now = this.clock.now()
    const wall = this.clock.wallTime()
    this.#since ??= { now, wall }
    if (Math.abs(wall - this.#since.wall - (now - this.#since.now)) > DRIFT_MS) this.#since = { now, wall }
    return now - this.#since.now >= STEADY_MS
  }

  /** Logged only once, because the file may stay nearly full. */
  #tellNearlyFull(isNearlyFull: boolean): void {
    if (isNearlyFull && !this.#hasTold) {
      this.#hasTold = true
      const { file, maxFileBytes } = this.settings
      const what = `sqlite: ${file} is at 80 % of maxFileBytes (${maxFileBytes}); beyond it, the largest rooms lose their oldest entries`
      this.logger.warn({}, what)
    }
  }
}
