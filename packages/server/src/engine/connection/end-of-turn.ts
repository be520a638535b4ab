import type { Clock } from '../../api/contracts/clock.js'
import type { Metrics } from '../process/metrics.js'
import { channels, isTraced } from '../process/tracing.js'

/**
 * Postpones writes to the end of a turn of the event loop, so that each connection gets all frames of the turn in one
 * write.
 */
export class EndOfTurn {
  /** Callbacks that add frames to connections; they therefore run first. */
  #handovers: (() => void)[] = []
  #writers: { flush(): void }[] = []
  #isScheduled = false

  constructor(
    private readonly clock: Clock,
    private readonly metrics: Metrics,
  ) {}

  handOver(task: () => void): void {
    this.#handovers.push(task)
    this.#schedule()
  }

  write(writer: { flush(): void }): void {
    this.#writers.push(writer)
    this.#schedule()
  }

  run(): void {
    if (isTraced(channels.flush)) channels.flush.traceSync(() => this.#run(), {})
    else this.#run()
  }

  /** Returns the number of connections that were written to. */
  #run(): number {
    const startedAt = this.clock.now()
    const handovers = this.#handovers
    this.#handovers = []
    try {
      for (const handOver of handovers) handOver()
    } finally {
      // Reset only now, so that frames from the callbacks are written in this run.
      this.#isScheduled = false
      if (this.#handovers.length > 0) this.#schedule()
    }
    const writers = this.#writers
    this.#writers = []
    for (const writer of writers) writer.flush()
    this.metrics.writes.observe(this.clock.now() - startedAt)
    return writers.length
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.clock.soon(() => this.run())
  }
}
