/** Time and timers; tests and simulations pass their own. */
export interface Clock {
  /** Monotonic time, in ms: for durations and deadlines, because the wall clock can jump. */
  now(): number
  /** Wall time, in ms since 1970: only for timestamps. */
  wallTime(): number
  /** Calls `task` once after `ms`, never for `Infinity`; the returned function cancels it. */
  after(ms: number, task: () => void): () => void
  /** Calls `task` once after the current work, so that the work of one turn can be done together. */
  soon(task: () => void): void
  /** Calls `task` every `ms`, never for `Infinity`; the returned function stops it. */
  every(ms: number, task: () => void): () => void
}

/** The longest delay of a JavaScript timer, 24.8 days: a timer for longer fires at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1

/** The real clock. Its timers do not keep a process alive; none is longer than 24.8 days. */
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

/** Resolves after `ms`, or when the signal is aborted. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const end = () => {
      cancel()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const cancel = clock.after(ms, end)
    signal.addEventListener('abort', end)
  })
}
