import * as strings from './strings.js'

/** A value that changes. `get` returns the same snapshot until the next change. */
export interface Observable<T> {
  get(): T
  /** Calls `listener` after each change, not at once. Returns an unsubscribe function; calling it twice is safe. */
  subscribe(listener: (value: T) => void): () => void
  /** The value of a client that never connected, which is what a server renders. The same one on each call. */
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

  /** `watched` is called when a listener comes. */
  constructor(value: T, report: Report, watched = () => {}) {
    this.#initial = value
    this.#watched = watched
    this.#value = value
    this.#report = report
  }

  // Fields, not methods: they are passed on detached, to useSyncExternalStore for one.
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
      // A listener has set a newer value, and everybody has heard it: this older one must not be the last that the rest hears.
      if (!Object.is(this.#value, value)) return
      guard(
        () => listener.call(value),
        (error) => this.#report(strings.subscriber, error),
      )
    }
  }
}

/** Runs an application's function: what it throws or rejects is reported and stops nobody else. */
export function guard(run: () => unknown, report: (error: unknown) => void): void {
  try {
    const result = run()
    if (result instanceof Promise) result.catch(report)
  } catch (error) {
    report(error)
  }
}
