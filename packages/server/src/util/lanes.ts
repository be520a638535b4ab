/** Resolves with false to end the lane, with what waits in it. It never rejects. */
export type LaneHandler<T> = (batch: readonly T[]) => Promise<boolean>

/** Handles things in lanes: those of one lane in order, batch by batch, and those of several lanes at the same time. */
export class Lanes<T> {
  /** What waits in each lane that is at work. */
  readonly #waiting = new Map<string, T[]>()
  readonly #working = new Set<Promise<void>>()

  constructor(
    private readonly laneOf: (one: T) => string,
    private readonly batch: number,
    private readonly handle: LaneHandler<T>,
  ) {}

  add(some: readonly T[]): void {
    const idle = new Set<string>()
    for (const one of some) {
      const lane = this.laneOf(one)
      const waiting = this.#waiting.get(lane)
      if (waiting) waiting.push(one)
      else {
        this.#waiting.set(lane, [one])
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
      // More may have been added meanwhile.
    }
    this.#waiting.delete(lane)
  }
}
