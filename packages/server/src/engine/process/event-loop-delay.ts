import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'

/** How often Node checks whether the event loop is late. */
const RESOLUTION_MS = 20
const QUANTILES = [0.5, 0.9, 0.99, 1]

/** How late this process runs what is due. Measuring begins with the first question: until then nobody would know. */
export class EventLoopDelay {
  #monitor: IntervalHistogram | undefined
  #isStopped = false
  #sum = 0
  #count = 0

  /**
   * The samples of a summary in Prometheus' text format. The quantiles are those of the time since the last call;
   * there are none if nothing was measured in it.
   */
  samples(name: string): string {
    if (!this.#isStopped) this.#monitor ??= startMonitor()
    const quantiles = this.#monitor?.count ? quantilesOf(this.#monitor, name) : ''
    if (this.#monitor?.count) this.#add(this.#monitor)
    return `${quantiles}${name}_sum ${this.#sum}\n${name}_count ${this.#count}\n`
  }

  stop(): void {
    this.#isStopped = true
    this.#monitor?.disable()
  }

  #add(monitor: IntervalHistogram): void {
    this.#sum += monitor.count * delayOf(monitor.mean)
    this.#count += monitor.count
    // Node does not count the first interval after this: of what blocks, that much can be missed a scrape.
    monitor.reset()
  }
}

function startMonitor(): IntervalHistogram {
  const monitor = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  monitor.enable()
  return monitor
}

function quantilesOf(monitor: IntervalHistogram, name: string): string {
  const line = (quantile: number) =>
    `${name}{quantile="${quantile}"} ${delayOf(monitor.percentile(quantile * 100))}\n`
  return QUANTILES.map(line).join('')
}

/** Seconds of delay. Node measures the time between two checks, in ns, which includes the interval itself. */
function delayOf(ns: number): number {
  return Math.max(0, ns / 1e9 - RESOLUTION_MS / 1e3)
}
