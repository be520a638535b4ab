import type { Clock } from '../../api/contracts/clock.js'
import type { LogUpkeep } from './log-upkeep.js'

/** How often some logs are looked at. A pass over a few is short; over a million it takes half an hour. */
const STEP_MS = 1_000
/** How long nobody tidies after a pass, or after the node that did has died. */
const REST_MS = 60_000

/**
 * Removes what is too old from the logs, one node at a time. A script of a log does so by itself; but in a room that
 * nobody uses any more, texts and records would stay for as long as its head is known.
 */
export class Tidying {
  /** Where a pass has got to; `undefined` between passes. */
  #cursor: string | undefined
  #restsUntil = 0
  #isBusy = false
  #stop = () => {}

  constructor(
    private readonly upkeep: LogUpkeep,
    private readonly clock: Clock,
    private readonly isReady: () => boolean,
    private readonly failed: (error: unknown) => void,
  ) {}

  start(): void {
    this.#stop = this.clock.every(STEP_MS, () => void this.#step())
  }

  stop(): void {
    this.#stop()
  }

  async #step(): Promise<void> {
    if (this.#isBusy || !this.isReady() || this.clock.now() < this.#restsUntil) return
    this.#isBusy = true
    try {
      await this.#tidySome()
    } catch (error) {
      this.#rest()
      // While Redis is away, others say so.
      if (this.isReady()) this.failed(error)
    } finally {
      this.#isBusy = false
    }
  }

  async #tidySome(): Promise<void> {
    const { upkeep } = this
    if (this.#cursor !== undefined) await upkeep.keepTurn(REST_MS)
    else if (!(await upkeep.takeTurn(REST_MS))) return
    const { streams, cursor } = await upkeep.streams(this.#cursor ?? '0')
    for (const stream of streams) while (await upkeep.tidy(stream));
    if (cursor === '0') this.#rest()
    else this.#cursor = cursor
  }

  #rest(): void {
    this.#cursor = undefined
    this.#restsUntil = this.clock.now() + REST_MS
  }
}
