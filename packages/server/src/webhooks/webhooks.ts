import type { AnyProtocol, ConsumeOptions, Consumer, WebhookEndpoint, Webhooks } from '../api/api.js'
import type { OccupancyChange } from '../api/contracts/backplane.js'
import type { ChangesHandler } from '../api/handles/changes-handler.js'
import { Delivery, type DeliveryDeps } from './delivery.js'
import { type Endpoint, resolveEndpoints } from './endpoint.js'
import { LogSender } from './log-sender.js'
import { OccupancySender } from './occupancy-sender.js'

export interface WebhooksDeps extends DeliveryDeps {
  readonly protocol: AnyProtocol | undefined
  consume(name: string, handler: ChangesHandler, options: ConsumeOptions): Consumer
  /** Reports who joins and leaves rooms. Returns an unsubscribe function. */
  watch(listener: (roomId: string, change: OccupancyChange) => void): () => void
}

/**
 * How many messages may be read while an earlier one waits to be accepted. This limits the memory, and how many messages
 * an endpoint gets a second time after a crash.
 */
const AHEAD = 1_000

/** Sends to each endpoint the messages and events that its options select. @throws TypeError for a wrong option */
export function startWebhooks(given: readonly WebhookEndpoint<AnyProtocol>[], deps: WebhooksDeps): Webhooks {
  const started: EndpointSender[] = []
  const stop = async () => {
    await Promise.all(started.map((sender) => sender.stop()))
  }
  const endpoints = resolveEndpoints(given, deps.protocol)
  try {
    for (const endpoint of endpoints) started.push(new EndpointSender(endpoint, deps))
  } catch (error) {
    void stop()
    throw error
  }
  return { stop }
}

class EndpointSender {
  readonly #consumer: Consumer | undefined
  readonly #log: LogSender
  readonly #occupancy: OccupancySender
  readonly #unwatch: () => void

  constructor(endpoint: Endpoint, deps: WebhooksDeps) {
    const { consumer: name, from, retryMs, logged, occupancy } = endpoint
    const delivery = new Delivery(endpoint, deps, () => void this.#end())
    this.#log = new LogSender(endpoint, delivery, deps)
    const { handle } = this.#log
    this.#consumer =
      logged?.size === 0 ? undefined : deps.consume(name, handle, { from, batch: 1, ahead: AHEAD, retryMs })
    this.#occupancy = new OccupancySender(endpoint, delivery, deps)
    this.#unwatch = occupancy.size === 0 ? () => {} : deps.watch(this.#occupancy.changed)
  }

  async stop(): Promise<void> {
    await this.#end()
    this.#log.forget()
  }

  /** After a 410, what failed is still shown as failing: it waits until the endpoint is started again. */
  async #end(): Promise<void> {
    this.#unwatch()
    await Promise.all([this.#consumer?.stop(), this.#occupancy.stop()])
  }
}
