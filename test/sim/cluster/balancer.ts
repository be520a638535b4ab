import { type ClientEnd, type LinkHandlers, Network, type VirtualClock } from '@roomful/server/testing'
import type { Random } from '../random.js'

/** One address for many nodes: each connection goes to any of those that run, and nothing sticks. */
export class Balancer extends Network<VirtualClock> {
  readonly #nodes = new Set<Network<VirtualClock>>()

  constructor(
    clock: VirtualClock,
    private readonly random: Random,
  ) {
    super(clock)
  }

  add(node: Network<VirtualClock>): void {
    this.#nodes.add(node)
  }

  remove(node: Network<VirtualClock>): void {
    this.#nodes.delete(node)
  }

  override connect(url: string, handlers: LinkHandlers): ClientEnd {
    const nodes = [...this.#nodes]
    return nodes.length > 0 ? this.random.pick(nodes).connect(url, handlers) : super.connect(url, handlers)
  }
}
