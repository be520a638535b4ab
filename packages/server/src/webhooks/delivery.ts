import type { WebhookBody } from '../api/api.js'
import type { Clock } from '../api/contracts/clock.js'
import type { Logger } from '../api/contracts/logger.js'
import type { MaybePromise } from '../util/maybe-promise.js'
import type { Endpoint } from './endpoint.js'
import { type PostFailure, post } from './post.js'
import { signedHeaders } from './signature.js'
import { Slots } from './slots.js'

/** What is counted for each endpoint. */
export const COUNTS = ['delivered', 'failures', 'deadLetters', 'dropped'] as const

export interface DeliveryDeps {
  readonly clock: Clock
  readonly logger: Logger
  /** From 0 to 1. */
  random(): number
  count(what: (typeof COUNTS)[number], endpoint: string, by?: number): void
  /** `read` returns how long the oldest message that is sent again has been failing, in ms. */
  showFailing(endpoint: string, read: () => number): void
}

export interface Message {
  readonly id: string
  /** Asked for when the request is sent. Resolves with `undefined` if the message is gone: then there is no request. */
  body(): MaybePromise<WebhookBody | undefined>
}

/** Sends signed requests to one endpoint, up to `concurrency` at a time, until it answers 410. */
export class Delivery {
  readonly #slots: Slots
  #isGone = false

  constructor(
    private readonly endpoint: Endpoint,
    private readonly deps: DeliveryDeps,
    /** Called when the endpoint has answered 410. */
    private readonly gone: () => void,
  ) {
    this.#slots = new Slots(endpoint.concurrency)
    // From the start, because Prometheus sees no increase in a counter that first appears as 1.
    for (const what of COUNTS) deps.count(what, endpoint.label, 0)
  }

  /** Resolves with `undefined` if the endpoint accepted the message, or if it is gone. */
  send({ id, body }: Message, signal: AbortSignal): Promise<PostFailure | undefined> {
    return this.#slots.run(async () => {
      const present = await body()
      return present && this.#send(id, present, signal)
    })
  }

  async #send(id: string, body: WebhookBody, signal: AbortSignal): Promise<PostFailure | undefined> {
    const failure = await this.#post(id, body, signal)
    this.deps.count(failure ? 'failures' : 'delivered', this.endpoint.label)
    if (failure?.isFinal) this.#end(id, failure.why)
    return failure
  }

  #post(id: string, body: WebhookBody, signal: AbortSignal): Promise<PostFailure | undefined> {
    const { url, keys, timeoutMs } = this.endpoint
    const { clock } = this.deps
    const text = JSON.stringify(body)
    const headers = signedHeaders(id, clock.wallTime(), text, keys)
    return post({ url, headers, body: text, timeoutMs, signal }, clock)
  }

  #end(id: string, why: string): void {
    if (this.#isGone) return
    this.#isGone = true
    this.deps.logger.error(
      { endpoint: this.endpoint.label, id, why },
      'webhooks: the endpoint is gone (410); its messages wait, and it gets no request until the webhooks start again',
    )
    this.gone()
  }
}
