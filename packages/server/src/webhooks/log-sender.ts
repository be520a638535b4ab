import type { AnyProtocol, Change, ConsumeHandler, DeadLetter } from '../api/api.js'
import { RoomfulError } from '../api/contracts/roomful-error.js'
import { backOff } from './back-off.js'
import { bodyOf } from './body.js'
import type { Delivery, DeliveryDeps } from './delivery.js'
import type { Endpoint } from './endpoint.js'
import type { PostFailure } from './post.js'

/** After the server itself was down for a day, every message is old enough to be given up. It still gets these attempts. */
const LEAST_ATTEMPTS = 5

/** Sends logged messages to one endpoint: each until it is accepted or given up. */
export class LogSender {
  constructor(
    private readonly endpoint: Endpoint,
    private readonly delivery: Delivery,
    private readonly deps: DeliveryDeps,
  ) {}

  /** Receives one message of a room at a time. @throws RoomfulError if the message has to be sent again */
  readonly handle: ConsumeHandler<AnyProtocol> = async ([change], { signal, attempt }) => {
    if (!change || this.endpoint.logged?.has(change.message.type) === false) return
    const message = { id: change.position.id, body: bodyOf(change) }
    const failure = await this.delivery.send(message, signal)
    if (!failure) return
    const error = this.#errorOf(message.id, attempt, failure)
    if (!failure.isFinal && this.#isDue(change, attempt)) return this.#giveUp(change, attempt, error)
    throw error
  }

  /** The error that tells the consumer when to hand over the message again. */
  #errorOf(id: string, attempt: number, failure: PostFailure): RoomfulError {
    const { label, retryMs } = this.endpoint
    const own = backOff(attempt, retryMs, this.deps.random())
    return new RoomfulError('unavailable', {
      message: `webhooks: ${label} ${failure.why} (message ${id}, attempt ${attempt})`,
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
    const { logger, count } = this.deps
    const { roomId, message, position } = change
    const { id } = position
    const letter: DeadLetter = { endpoint: label, id, body: bodyOf(change), attempts, error }
    try {
      await onDeadLetter(letter)
    } catch (err) {
      logger.error({ endpoint: label, id, err }, 'webhooks: onDeadLetter failed; the message is sent again')
      throw error
    }
    count('deadLetters', label)
    logger.error(
      { endpoint: label, roomId, id, type: message.type, attempts, err: error },
      'webhooks: a message was given up; the next one of its room follows',
    )
  }
}
