import { guard, type Report } from './observable.js'
import * as strings from './strings.js'

type Handler = (event: never) => void

/** Typed events. Handlers run synchronously, in the order in which they were added. */
export class Emitter<Events extends object> {
  readonly #handlers = new Map<keyof Events, { call: Handler }[]>()
  readonly #report: Report

  constructor(report: Report) {
    this.#report = report
  }

  /** Returns an unsubscribe function; calling it twice is safe. */
  on<K extends keyof Events>(type: K, call: (event: Events[K]) => void): () => void {
    const handler = { call }
    this.#handlers.set(type, [...(this.#handlers.get(type) ?? []), handler])
    return () => {
      this.#handlers.set(type, this.#handlers.get(type)?.filter((other) => other !== handler) ?? [])
    }
  }

  get isWatched(): boolean {
    return [...this.#handlers.values()].some(({ length }) => length > 0)
  }

  /** Returns whether there was a handler. */
  emit<K extends keyof Events>(type: K, event: Events[K]): boolean {
    const handlers = this.#handlers.get(type) ?? []
    for (const { call } of handlers) {
      const run = () => (call as (event: Events[K]) => void)(event)
      guard(run, (error) => this.#report(strings.handlerOf(String(type)), error))
    }
    return handlers.length > 0
  }
}
