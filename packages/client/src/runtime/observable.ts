import * as strings from './strings.js'

/**
 * A value that changes. `get` returns the same snapshot until the next change. The functions may be called without the
 * object.
 */
export interface Observable<T> {
  get(): T
  /**
   * Calls `listener` after each change, not immediately. Returns an unsubscribe function; calling it twice is safe.
   */
  subscribe(listener: (value: T) => void): () => void
  /** The value of a client that never connected, which a server renders. Each call returns the same value. */
  getInitial?(): T
}

export type Report = (what: string, error: unknown) => void

/** The writable side of an observable. */
export class Value<T> implements Observable<T> {
  readonly #listeners = new Set<{ call: (value: T) => void }>()
  readonly #report: Report
  readonly #initial: T
  readonly #watched: () => void
  #value: T

  /** `watched` is called when a listener is added. */
  constructor(value: T, report: Report, watched = () => {}) {
    this.#initial = value
    this.#watched = watched
    this.#value = value
    this.#report = report
  }

  // Fields, not methods, because they are passed on without their object, for example to useSyncExternalStore.
  readonly get = (): T => this.#value

  readonly getInitial = (): T => this.#initial

  readonly subscribe = (call: (value: T) => void): (() => void) => {
    const listener = { call }
    this.#listeners.add(listener)
    this.#watched()
    return () => this.#listeners.delete(listener)
  }

  get isWatched(): boolean {
    return this.#listeners.size > 0
  }

  set(value: T): void {
    if (Object.is(value, this.#value)) return
    this.#value = value
    for (const listener of [...this.#listeners]) {
      // A listener has set a newer value, and all listeners have received it. The remaining ones must not end up with
      // this older value.
      if (!Object.is(this.#value, value)) return
      guard(
        () => listener.call(value),
        (error) => this.#report(strings.subscriber, error),
      )
    }
  }
}

/** Runs a function of the application. Exceptions and rejections are reported and stop nothing else. */
export function guard(run: () => unknown, report: (error: unknown) => void): void {
  try {
    const result = run()
    if (result instanceof Promise) result.catch(report)
  } catch (error) {
    report(error)
  }
}
