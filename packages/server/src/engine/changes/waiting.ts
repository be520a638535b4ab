import type { Clock } from '../../api/contracts/clock.js'

/** A signal for whoever is waiting, or for the next one who waits. */
export class Alarm {
  #isRinging = false
  #wake = () => {}

  constructor(private readonly clock: Clock) {}

  readonly ring = (): void => {
    this.#isRinging = true
    this.#wake()
  }

  /** Resolves with the next signal, or after `ms`. */
  async next(ms: number): Promise<void> {
    if (!this.#isRinging) await this.#ringOr(ms)
    this.#isRinging = false
  }

  #ringOr(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.clock.after(ms, resolve)
      this.#wake = () => {
        cancel()
        resolve()
      }
    })
  }
}

const FIRST_RETRY_MS = 1_000

/** The wait before another attempt: it starts at a second and doubles each time. */
export function retryDelay(failures: number, mostMs: number): number {
  return Math.min(mostMs, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 30))
}
