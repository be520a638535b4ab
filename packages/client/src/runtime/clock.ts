/** The result of a clock's `setTimeout`; only that clock knows what it is. */
export type TimerHandle = unknown

/**
 * Monotonic time and timers. Nothing else in this package reads the time, so that a simulation can pass its own
 * clock.
 */
export interface Clock {
  /** Milliseconds since an arbitrary start; never jumps. */
  now(): number
  setTimeout(run: () => void, ms: number): TimerHandle
  clearTimeout(timer: TimerHandle): void
}

/** The longest delay that `setTimeout` supports; it fires longer ones at once. */
const LONGEST_DELAY_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => performance.now(),
  setTimeout: (run, ms) => setTimeout(run, Math.min(ms, LONGEST_DELAY_MS)),
  clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
}

/** A single timer that can be set, replaced and cleared. */
export class Timer {
  readonly #clock: Clock
  #handle: TimerHandle

  constructor(clock: Clock) {
    this.#clock = clock
  }

  set(ms: number, run: () => void): void {
    this.clear()
    this.#handle = this.#clock.setTimeout(() => {
      this.#handle = undefined
      run()
    }, ms)
  }

  get isSet(): boolean {
    return this.#handle !== undefined
  }

  clear(): void {
    if (this.isSet) this.#clock.clearTimeout(this.#handle)
    this.#handle = undefined
  }
}
