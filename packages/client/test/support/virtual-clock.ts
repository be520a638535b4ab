import type { Clock, TimerHandle } from '../../src/index.js'

interface Planned {
  readonly at: number
  readonly run: () => void
}

/** Time that passes only when a test says so. */
export class VirtualClock implements Clock {
  readonly #timers = new Map<number, Planned>()
  #now = 0
  #lastId = 0

  now(): number {
    return this.#now
  }

  setTimeout(run: () => void, ms: number): TimerHandle {
    this.#timers.set(++this.#lastId, { at: this.#now + Math.max(0, ms), run })
    return this.#lastId
  }

  clearTimeout(timer: TimerHandle): void {
    if (typeof timer === 'number') this.#timers.delete(timer)
  }

  get pendingTimers(): number {
    return this.#timers.size
  }

  /** Runs what falls due in the next `ms`, in order, and lets promises settle in between. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    await settled()
    for (let due = this.#due(end); due; due = this.#due(end)) {
      const [id, { at, run }] = due
      this.#timers.delete(id)
      this.#now = Math.max(this.#now, at)
      run()
      await settled()
    }
    this.#now = end
  }

  /** Lets time pass without running a timer, as in a page that is throttled or a laptop that sleeps. */
  sleep(ms: number): void {
    this.#now += ms
  }

  #due(end: number): [number, Planned] | undefined {
    const due = [...this.#timers].filter(([, { at }]) => at <= end)
    return due.sort(([a, x], [b, y]) => x.at - y.at || a - b)[0]
  }
}

/** After all promises that are settled by now have run what waits for them. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
