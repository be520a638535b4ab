import type { AnyProtocol, Change, ConsumeHandler, DeadLetter } from '../api/api.js'
import type { Clock } from '../api/contracts/clock.js'
import type { Logger } from '../api/contracts/logger.js'
import { RoomfulError } from '../api/contracts/roomful-error.js'
import { backOff } from './back-off.js'
import { bodyOf } from './body.js'
import type { Endpoint } from './endpoint.js'
import { type PostFailure, post } from './post.js'
import { signedHeaders } from './signature.js'
import { Slots } from './slots.js'

/** What is counted of each endpoint. */
export const COUNTS = ['delivered', 'failures', 'deadLetters'] as const

export interface SenderDeps {
  readonly clock: Clock
  readonly logger: Logger
  /** From 0 to 1. */
  random(): number
  count(what: (typeof COUNTS)[number], endpoint: string, by?: number): void
  /** Called when the endpoint wants no more requests. */
  gone(): void
}

const GONE = 410
/** A message is not given up before, so that a short outage costs none after the server itself was away for long. */
const LEAST_ATTEMPTS = 5

/** Sends messages to one endpoint. */
export class Sender {
  readonly #slots: Slots
  #isGone = false

  constructor(
    private readonly endpoint: Endpoint,
    private readonly deps: SenderDeps,
  ) {
    this.#slots = new Slots(endpoint.concurrency)
  }

  /** Takes one message of a room at a time. @throws RoomfulError if it has to come again */
  readonly handle: ConsumeHandler<AnyProtocol> = async ([change], { signal, attempt }) => {
    const { endpoint, deps } = this
    if (!change || endpoint.events?.has(change.message.type) === false) return
    const failure = await this.#slots.run(() => this.#send(change, signal))
    deps.count(failure ? 'failures' : 'delivered', endpoint.label)
    if (!failure) return
    const error = this.#errorOf(change, attempt, failure)
    if (failure.status === GONE) this.#disable()
    else if (this.#isDue(change, attempt)) return this.#giveUp(change, attempt, error)
    throw error
  }

  #send(change: Change<AnyProtocol>, signal: AbortSignal): Promise<PostFailure | undefined> {
    const { url, keys, timeoutMs } = this.endpoint
    const { clock } = this.deps
    const body = JSON.stringify(bodyOf(change))
    const headers = signedHeaders(change.position.id, clock.wallTime(), body, keys)
    return post({ url, headers, body, timeoutMs, signal }, clock)
  }

  /** Tells the consumer when the message has to come again. */
  #errorOf({ position }: Change<AnyProtocol>, attempt: number, failure: PostFailure): RoomfulError {
    const { label, retryMs } = this.endpoint
    const own = backOff(attempt, retryMs, this.deps.random())
    return new RoomfulError('unavailable', {
      message: `webhooks: ${label} ${failure.why} (message ${position.id}, attempt ${attempt})`,
      cause: failure.cause,
      retryAfterMs: Math.max(own, failure.retryAfterMs),
    })
  }

  #isDue({ timestampMs }: Change<AnyProtocol>, attempt: number): boolean {
    const ageMs = this.deps.clock.wallTime() - timestampMs
    return attempt >= LEAST_ATTEMPTS && ageMs >= this.endpoint.giveUpMs
  }

  async #giveUp(change: Change<AnyProtocol>, attempts: number, error: RoomfulError): Promise<void> {
    const { label, onDeadLetter } = this.endpoint
    const { id } = change.position
    const letter: DeadLetter = { endpoint: label, id, body: bodyOf(change), attempts, error }
    try {
      await onDeadLetter(letter)
    } catch (err) {
      this.deps.logger.error(
        { endpoint: label, id, err },
        'webhooks: onDeadLetter failed; the message is sent again',
      )
      throw error
    }
    this.deps.count('deadLetters', label)
    const { roomId, message } = change
    this.deps.logger.error(
      { endpoint: label, roomId, id, type: message.type, attempts, err: error },
      'webhooks: a message was given up; the next one of its room follows',
    )
  }

  #disable(): void {
    if (this.#isGone) return
    this.#isGone = true
    this.deps.logger.error(
      { endpoint: this.endpoint.label },
      'webhooks: the endpoint is gone (410); it gets no more requests until the server starts again',
    )
    this.deps.gone()
  }
}
