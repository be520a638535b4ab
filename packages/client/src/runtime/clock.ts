/** What a clock's `setTimeout` returned; opaque to everyone but that clock. */
export type TimerHandle = unknown

/** Monotonic time and timers. A simulation passes its own, so nothing else in this package may tell the time. */
export interface Clock {
  /** Milliseconds since an arbitrary start; never jumps. */
  now(): number
  setTimeout(run: () => void, ms: number): TimerHandle
  clearTimeout(timer: TimerHandle): void
}

/** Longest delay that `setTimeout` keeps; it fires longer ones at once. */
const LONGEST_DELAY_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => performance.now(),
  setTimeout: (run, ms) => setTimeout(run, Math.min(ms, LONGEST_DELAY_MS)),
  clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
}

/** One timer that is set, set anew and cleared. */
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
