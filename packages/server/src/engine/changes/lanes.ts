import type { FeedEntry } from '../../api/contracts/change-feed.js'

/** Resolves with false if it was ended before the entries were done. */
export type LaneHandler = (entries: readonly FeedEntry[]) => Promise<boolean>

/** Handles entries in lanes: those of one lane in order, batch by batch, and those of several lanes at the same time. */
export class Lanes {
  /** What waits in each lane that is at work. */
  readonly #waiting = new Map<string, FeedEntry[]>()
  readonly #working = new Set<Promise<void>>()

  constructor(
    private readonly laneOf: (entry: FeedEntry) => string,
    private readonly batch: number,
    private readonly handle: LaneHandler,
  ) {}

  add(page: readonly FeedEntry[]): void {
    const idle = new Set<string>()
    for (const entry of page) {
      const lane = this.laneOf(entry)
      const waiting = this.#waiting.get(lane)
      if (waiting) waiting.push(entry)
      else {
        this.#waiting.set(lane, [entry])
        idle.add(lane)
      }
    }
    for (const lane of idle) this.#start(lane)
  }

  /** Resolves once no lane is at work. */
  async settled(): Promise<void> {
    while (this.#working.size > 0) await Promise.all(this.#working)
  }

  #start(lane: string): void {
    const working = this.#work(lane).finally(() => this.#working.delete(working))
    this.#working.add(working)
  }

  async #work(lane: string): Promise<void> {
    const waiting = this.#waiting.get(lane) ?? []
    while (waiting.length > 0 && (await this.handle(waiting.splice(0, this.batch)))) {
      // Entries may have been added meanwhile.
    }
    this.#waiting.delete(lane)
  }
}
