import type { AnyProtocol, Consumer, Roomful, WebhookEndpoint, Webhooks } from '../api/api.js'
import { type Endpoint, resolveEndpoints } from './endpoint.js'
import { COUNTS, Sender, type SenderDeps } from './sender.js'

export interface WebhooksDeps extends Omit<SenderDeps, 'gone'> {
  readonly protocol: AnyProtocol | undefined
  readonly consume: Roomful<AnyProtocol>['consume']
}

/**
 * How many messages may be taken while an earlier one is not accepted. It bounds the memory, and how many messages an
 * endpoint gets a second time after a crash.
 */
const AHEAD = 1_000

/** Consumes the changes of all rooms for each endpoint. @throws TypeError for an option that cannot work */
export function startWebhooks(given: readonly WebhookEndpoint<AnyProtocol>[], deps: WebhooksDeps): Webhooks {
  const consumers: Consumer[] = []
  const stop = async () => {
    await Promise.all(consumers.map((consumer) => consumer.stop()))
  }
  const endpoints = resolveEndpoints(given, deps.protocol)
  try {
    for (const endpoint of endpoints) consumers.push(startEndpoint(endpoint, deps))
  } catch (error) {
    void stop()
    throw error
  }
  return { stop }
}

function startEndpoint(endpoint: Endpoint, deps: WebhooksDeps): Consumer {
  const { consumer: name, label, from, retryMs } = endpoint
  // Shown from the start: Prometheus sees no increase in a counter that begins with 1.
  for (const what of COUNTS) deps.count(what, label, 0)
  const sender = new Sender(endpoint, { ...deps, gone: () => void consumer.stop() })
  const consumer = deps.consume(name, sender.handle, { from, batch: 1, ahead: AHEAD, retryMs })
  return consumer
}
