import type { Clock } from '../../api/contracts/clock.js'

const RETRY_MS = 1_000

/**
 * Does its work whenever something was missed: one run at a time, another one if more was missed meanwhile, and after a
 * failure again until it succeeds.
 */
export class CatchUp {
  #hasMissed = false
  #isWorking = false
  #isStopped = false
  #cancelRetry = () => {}

  constructor(
    private readonly clock: Clock,
    private readonly work: () => Promise<void>,
    /** Each failure is retried. */
    private readonly report: (err: unknown) => void,
  ) {}

  missed(): void {
    this.#hasMissed = true
    if (!this.#isWorking && !this.#isStopped) void this.#catchUp()
  }

  /** Something failed that the work does as well. */
  failed(err: unknown): void {
    // The store of a node that has stopped fails for ever.
    if (this.#isStopped) return
    this.report(err)
    this.#cancelRetry()
    this.#cancelRetry = this.clock.after(RETRY_MS, () => this.missed())
  }

  stop(): void {
    this.#isStopped = true
    this.#cancelRetry()
  }

  async #catchUp(): Promise<void> {
    this.#isWorking = true
    try {
      while (this.#hasMissed) {
        this.#hasMissed = false
        await this.work()
      }
    } catch (error) {
      this.failed(error)
    } finally {
      this.#isWorking = false
    }
  }
}
