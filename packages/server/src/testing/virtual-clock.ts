import { setImmediate } from 'node:timers'
import type { Clock } from '../api/contracts/clock.js'

/** Read now: a test runner's fake timers replace the global one, and then no turn would ever end. */
const nextTurn = setImmediate

interface Timer {
  readonly at: number
  readonly order: number
  readonly task: () => void
}

/** 2026-01-01T00:00:00Z. Any fixed day makes runs repeat byte for byte. */
const START = 1_767_225_600_000

/**
 * A clock that moves only on command. It serves as the server's clock and, by `setTimeout` and `clearTimeout`, as the
 * client's. Between two timers it lets all promises settle.
 */
export class VirtualClock implements Clock {
  #now = 0
  #wallOffset = START
  #order = 0
  readonly #timers = new Set<Timer>()
  #soon: (() => void)[] = []

  now(): number {
    return this.#now
  }

  wallTime(): number {
    return this.#wallOffset + this.#now
  }

  /** Makes the wall clock jump, as an administrator or NTP might. Monotonic time is unaffected. */
  jumpWall(ms: number): void {
    this.#wallOffset += ms
  }

  after(ms: number, task: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, ms), order: this.#order++, task }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  every(ms: number, task: () => void): () => void {
    let cancel = () => {}
    const again = () => {
      cancel = this.after(ms, again)
      task()
    }
    cancel = this.after(ms, again)
    return () => cancel()
  }

  soon(task: () => void): void {
    this.#soon.push(task)
  }

  setTimeout(task: () => void, ms: number): unknown {
    return this.after(ms, task)
  }

  clearTimeout(timer: unknown): void {
    if (typeof timer === 'function') timer()
  }

  /** The number of waiting timers. */
  get pending(): number {
    return this.#timers.size
  }

  /** Runs what is due now, until nothing is left to do at this time. */
  async settle(): Promise<void> {
    let quietRounds = 0
    while (quietRounds < 2) {
      await new Promise<void>((resolve) => nextTurn(resolve))
      quietRounds = this.#runSoon() || this.#runDue(this.#now) ? 0 : quietRounds + 1
    }
  }

  /** Advances time by `ms`, running every timer at its time. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    await this.settle()
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#now = Math.max(this.#now, next.at)
      await this.settle()
    }
    this.#now = Math.max(this.#now, end)
    await this.settle()
  }

  /**
   * Lets time pass without running a timer, as on a sleeping laptop. Timers that became due run at the next
   * `advance`.
   */
  sleep(ms: number): void {
    this.#now += ms
  }

  #runSoon(): boolean {
    const tasks = this.#soon
    this.#soon = []
    for (const task of tasks) task()
    return tasks.length > 0
  }

  #runDue(until: number): boolean {
    const timer = this.#next(until)
    if (!timer) return false
    this.#timers.delete(timer)
    timer.task()
    return true
  }

  #next(until: number): Timer | undefined {
    let first: Timer | undefined
    for (const timer of this.#timers) {
      if (timer.at > until) continue
      if (!first || timer.at < first.at || (timer.at === first.at && timer.order < first.order)) first = timer
    }
    return first
  }
}
