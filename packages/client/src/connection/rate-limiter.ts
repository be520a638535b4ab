import type { WireLimits } from '@roomful/protocol'
import { paid, type Rate, waitFor } from '@roomful/protocol/wire'
import { type Clock, Timer } from '../runtime/clock.js'

/** The rate limit that the server charges a frame to, in addition to that of bytes. */
export type Budget = 'messages' | 'joins' | 'history'

/** The cost of a frame. A frame without a budget is free: a join that fetches the next page. */
export interface Cost {
  readonly budget: Budget | undefined
  readonly bytes: number
}

/** A source of frames that wait for their turn. */
export interface FrameSource {
  /** The cost of its next frame; `undefined` if none is ready. */
  next(): Cost | undefined
  /** Sends the frame whose cost `next` returned. */
  send(): void
}

/**
 * The part of each burst, except the first, that stays unused (at most a second's worth): the network may deliver
 * evenly spaced frames in a bunch.
 */
const SPARED_SHARE = 0.25
/** From the first use of a budget, its whole burst may be used for this long: a reconnected client joins all its rooms at once. */
const FIRST_BURST_MS = 100

/**
 * Keeps everything that a connection sends below the server's rates, and lets the sources take turns. For each
 * budget, one number says when it will be full again.
 */
export class RateLimiter {
  readonly #clock: Clock
  readonly #timer: Timer
  /** In the order of their turns. */
  readonly #sources: FrameSource[] = []
  readonly #rates = new Map<Budget | 'bytes', Rate>()
  /**
   * Budgets that were refused once on this connection and therefore run at half the rate. Halving again would delay
   * messages for longer than other pages need.
   */
  readonly #halved = new Set<Budget>()
  readonly #fullAt = new Map<Budget | 'bytes', number>()
  readonly #firstAt = new Map<Budget | 'bytes', number>()
  #isPumping = false
  #isAskedAgain = false

  constructor(clock: Clock) {
    this.#clock = clock
    this.#timer = new Timer(clock)
  }

  add(source: FrameSource): void {
    this.#sources.push(source)
  }

  /** Starts a new connection with full budgets. */
  reset(limits: WireLimits): void {
    for (const state of [this.#rates, this.#halved, this.#fullAt, this.#firstAt]) state.clear()
    this.#limit('messages', limits.messages_per_second, limits.messages_burst)
    this.#limit('joins', limits.joins_per_second, limits.joins_burst)
    this.#limit('history', limits.history_per_second)
    const { bytes_per_second: bytes, frame_bytes } = limits
    this.#limit('bytes', bytes, bytes && Math.max(bytes, frame_bytes ?? 0))
  }

  /** Without a connection, no source gets a turn. */
  stop(): void {
    this.#timer.clear()
  }

  /** Takes the cost of a frame if it may be sent now. */
  take(cost: Cost): boolean {
    if (this.#waitFor(cost) > 0) return false
    this.spend(cost)
    return true
  }

  /** Takes the cost of a frame that cannot wait. */
  spend({ budget, bytes }: Cost): void {
    if (budget === undefined) return
    this.#spend(budget, 1)
    this.#spend('bytes', bytes)
  }

  /** Another page of the same user shares the budget: waits as the server says, then continues at half the rate. */
  refused(budget: Budget, retryAfterMs = 0): void {
    const rate = this.#rates.get(budget)
    if (!rate) return
    const now = this.#clock.now()
    if (!this.#halved.has(budget)) this.#rates.set(budget, { ...rate, perSecond: rate.perSecond / 2 })
    this.#halved.add(budget)
    const empty = now + retryAfterMs + ((rate.burst - 1) / rate.perSecond) * 1_000
    this.#fullAt.set(budget, Math.max(empty, this.#fullAt.get(budget) ?? now))
    this.pump()
  }

  /** Sends the frames that may be sent now, one from each source in turn, and schedules the rest. */
  pump(): void {
    this.#isAskedAgain = true
    // Frames that a source causes while it sends wait until it is done.
    if (this.#isPumping) return
    this.#isPumping = true
    try {
      while (this.#isAskedAgain) this.#pump()
    } finally {
      this.#isPumping = false
    }
  }

  #pump(): void {
    this.#isAskedAgain = false
    let wait = Number.POSITIVE_INFINITY
    for (let index = 0; index < this.#sources.length; ) {
      const source = this.#sources[index] as FrameSource
      const cost = source.next()
      const ms = cost ? this.#waitFor(cost) : Number.POSITIVE_INFINITY
      if (cost && ms === 0) {
        this.#sources.push(...this.#sources.splice(index, 1))
        this.spend(cost)
        source.send()
        index = 0
        wait = Number.POSITIVE_INFINITY
      } else {
        wait = Math.min(wait, ms)
        index++
      }
    }
    if (wait < Number.POSITIVE_INFINITY) this.#timer.set(wait, () => this.pump())
  }

  /** `null` and an absent rate mean that there is no limit. */
  #limit(budget: Budget | 'bytes', perSecond: number | null | undefined, burst = perSecond): void {
    if (!perSecond) return
    this.#rates.set(budget, { perSecond, burst: burst ?? perSecond })
  }

  #waitFor({ budget, bytes }: Cost): number {
    if (budget === undefined) return 0
    return Math.max(this.#wait(budget, 1), this.#wait('bytes', bytes))
  }

  #wait(budget: Budget | 'bytes', cost: number): number {
    const rate = this.#rates.get(budget)
    const fullAt = this.#fullAt.get(budget)
    if (!rate || fullAt === undefined) return 0
    const now = this.#clock.now()
    const isFirst = now - (this.#firstAt.get(budget) ?? now) <= FIRST_BURST_MS
    const spared = isFirst ? 0 : Math.min(rate.burst * SPARED_SHARE, rate.perSecond)
    return waitFor(fullAt, { ...rate, burst: Math.max(1, rate.burst - spared) }, now, cost)
  }

  #spend(budget: Budget | 'bytes', cost: number): void {
    const rate = this.#rates.get(budget)
    if (!rate) return
    const now = this.#clock.now()
    if (!this.#firstAt.has(budget)) this.#firstAt.set(budget, now)
    this.#fullAt.set(budget, paid(this.#fullAt.get(budget) ?? now, rate, now, cost))
  }
}
