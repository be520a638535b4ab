/** Time and timers, so that tests and simulations can bring their own. */
export interface Clock {
  /** Monotonic time, in ms: for durations and deadlines, since the wall clock jumps. */
  now(): number
  /** Wall time, in ms since 1970: for timestamps alone. */
  wallTime(): number
  /** Calls `task` once after `ms`; the returned function cancels it. */
  after(ms: number, task: () => void): () => void
  /** Calls `task` once after what is at hand, so that work of one turn can be done together. */
  soon(task: () => void): void
  /** Calls `task` every `ms`; the returned function ends it. */
  every(ms: number, task: () => void): () => void
}

/** The real clock. Its timers keep no process alive. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  after(ms, task) {
    const timer = setTimeout(task, ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
  soon: (task) => void setImmediate(task),
  every(ms, task) {
    const timer = setInterval(task, ms)
    timer.unref()
    return () => clearInterval(timer)
  },
}
