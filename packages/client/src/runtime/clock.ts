/** What a clock's `setTimeout` returned; opaque to everyone but that clock. */
export type Timer = unknown

/** Monotonic time and timers. A simulation passes its own, so nothing else in this package may tell the time. */
export interface Clock {
  /** Milliseconds since an arbitrary start; never jumps. */
  now(): number
  setTimeout(run: () => void, ms: number): Timer
  clearTimeout(timer: Timer): void
}

/** Longest delay that `setTimeout` keeps; it fires longer ones at once. */
const LONGEST_DELAY_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => performance.now(),
  setTimeout: (run, ms) => setTimeout(run, Math.min(ms, LONGEST_DELAY_MS)),
  clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
}

/** One timer that is set, set anew and cleared. */
export class Alarm {
  readonly #clock: Clock
  #timer: Timer

  constructor(clock: Clock) {
    this.#clock = clock
  }

  set(ms: number, run: () => void): void {
    this.clear()
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = undefined
      run()
    }, ms)
  }

  get isSet(): boolean {
    return this.#timer !== undefined
  }

  clear(): void {
    if (this.isSet) this.#clock.clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
