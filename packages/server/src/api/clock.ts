/** Time and timers, so that tests and simulations can bring their own. */
export interface Clock {
  /** Monotonic time, in ms: for durations and deadlines, since the wall clock jumps. */
  now(): number
  /** Wall time, in ms since 1970: for timestamps alone. */
  wallTime(): number
  /** Calls `task` once after `ms`, never for `Infinity`; the returned function cancels it. */
  after(ms: number, task: () => void): () => void
  /** Calls `task` once after what is at hand, so that work of one turn can be done together. */
  soon(task: () => void): void
  /** Calls `task` every `ms`, never for `Infinity`; the returned function ends it. */
  every(ms: number, task: () => void): () => void
}

/** The longest time of a timer of JavaScript, 24.8 days: one for longer fires at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1

/** The real clock. Its timers keep no process alive; none is longer than 24.8 days. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  after(ms, task) {
    if (ms === Number.POSITIVE_INFINITY) return () => {}
    const timer = setTimeout(task, Math.min(ms, MAX_TIMER_MS))
    timer.unref()
    return () => clearTimeout(timer)
  },
  soon: (task) => void setImmediate(task),
  every(ms, task) {
    if (ms === Number.POSITIVE_INFINITY) return () => {}
    const timer = setInterval(task, Math.min(ms, MAX_TIMER_MS))
    timer.unref()
    return () => clearInterval(timer)
  },
}
