import type { WireLimits } from '@roomful/protocol'
import { paid, type Rate, waitFor } from '@roomful/protocol/wire'
import { type Clock, Timer } from '../runtime/clock.js'

/** What the server charges a frame to, beside its bytes. */
export type Budget = 'messages' | 'joins' | 'history'

/** What a frame costs. Without a budget it is free: a join that goes on where a page ended. */
export interface Cost {
  readonly budget: Budget | undefined
  readonly bytes: number
}

/** Something whose frames wait for their turn. */
export interface FrameSource {
  /** What its next frame costs; `undefined` if none is ready. */
  next(): Cost | undefined
  /** Sends the frame that `next` has told the cost of. */
  send(): void
}

/** Of each burst but the first, and no more than a second's worth: what was sent evenly may arrive in a bunch. */
const SPARED_SHARE = 0.25
/** From when a budget is first used: a client that is back joins all its rooms at once. */
const FIRST_BURST_MS = 100

/**
 * Keeps all that a connection sends below the server's rates, and lets its sources take turns. For each budget, one
 * number says when it will be full again.
 */
export class RateLimiter {
  readonly #clock: Clock
  readonly #timer: Timer
  /** The next one first. */
  readonly #sources: FrameSource[] = []
  readonly #rates = new Map<Budget | 'bytes', Rate>()
  /** Refused once on this connection. Only once: more would hold up what waits for longer than other pages need. */
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

  /** A new connection begins with full budgets. */
  reset(limits: WireLimits): void {
    for (const state of [this.#rates, this.#halved, this.#fullAt, this.#firstAt]) state.clear()
    this.#limit('messages', limits.messages_per_second, limits.messages_burst)
    this.#limit('joins', limits.joins_per_second, limits.joins_burst)
    this.#limit('history', limits.history_per_second)
    const { bytes_per_second: bytes, frame_bytes } = limits
    this.#limit('bytes', bytes, bytes && Math.max(bytes, frame_bytes ?? 0))
  }

  /** No connection: nothing has its turn. */
  stop(): void {
    this.#timer.clear()
  }

  /** Takes what a frame costs, if it may go now. */
  take(cost: Cost): boolean {
    if (this.#waitFor(cost) > 0) return false
    this.spend(cost)
    return true
  }

  /** Takes what a frame costs that cannot wait. */
  spend({ budget, bytes }: Cost): void {
    if (budget === undefined) return
    this.#spend(budget, 1)
    this.#spend('bytes', bytes)
  }

  /** Another page of the same user shares its budget: waits as told, and goes on at half the rate. */
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

  /** Sends what may go now, a frame of each source in turn, and comes back for the rest. */
  pump(): void {
    this.#isAskedAgain = true
    // What a source causes by sending waits until that is done.
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

  /** `null` and an absent rate mean without a limit. */
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
