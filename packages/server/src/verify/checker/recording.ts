import type { Event } from './history.js'

const PATIENCE_MS = 20_000

/** A history in the making, shared by all clients of one process. */
export class Recording {
  readonly events: Event[] = []
  /** What no server may do, and the history does not show: unexpected refusals. */
  readonly complaints: string[] = []
  readonly #waiting = new Set<() => void>()

  /** How long a condition may take to become true, in ms. */
  constructor(private readonly patienceMs = PATIENCE_MS) {}

  add(event: Event): void {
    this.events.push(event)
    this.wake()
  }

  /** Something has changed that no event shows. */
  wake(): void {
    for (const wake of this.#waiting) wake()
  }

  /** `code` is that of the refusal, if it was one. */
  complain(what: string, _code?: string): void {
    this.complaints.push(what)
  }

  /** Resolves when a condition is true; checks it after every event. @throws Error if it never is */
  until(isTrue: () => boolean, what: string, patienceMs = this.patienceMs): Promise<void> {
    if (isTrue()) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const stop = () => {
        clearTimeout(timer)
        this.#waiting.delete(wake)
      }
      const wake = () => {
        if (!isTrue()) return
        stop()
        resolve()
      }
      const timer = setTimeout(() => {
        stop()
        const [complaint = 'nobody complained'] = this.complaints
        reject(new Error(`Waited ${patienceMs} ms in vain until ${what} (${complaint})`))
      }, patienceMs)
      this.#waiting.add(wake)
    })
  }
}
