import type { AnyProtocol, Change, DeadLetter } from '../api/api.js'
import { ReportedFailure } from '../api/contracts/reported-failure.js'
import type { ChangesHandler } from '../api/handles/changes-handler.js'
import { backOff } from './back-off.js'
import { bodyOf } from './body.js'
import type { Delivery, DeliveryDeps } from './delivery.js'
import type { Endpoint } from './endpoint.js'
import { FailingMessages } from './failing-messages.js'
import type { PostFailure } from './post.js'

/** After the server itself was down for a day, every message is old enough to be given up. It still gets these attempts. */
const LEAST_ATTEMPTS = 5

/** Sends logged messages to one endpoint: each until it is accepted or given up. */
export class LogSender {
  readonly #failing: FailingMessages
  #lost: AbortSignal | undefined

  constructor(
    private readonly endpoint: Endpoint,
    private readonly delivery: Delivery,
    private readonly deps: DeliveryDeps,
  ) {
    this.#failing = new FailingMessages(endpoint.label, deps.clock, deps.logger)
    deps.showFailing(endpoint.label, () => this.#failing.failingMs)
  }

  /** Receives one message of a room at a time. @throws ReportedFailure if the message has to be sent again */
  readonly handle: ChangesHandler = async ([change], { signal, attempt }, { ids, present }) => {
    if (!change) return this.#gone(ids)
    if (this.endpoint.logged?.has(change.message.type) === false) return
    this.#watch(signal)
    const { id } = change.position
    let last: Change<AnyProtocol> | undefined = change
    const body = async () => {
      ;[last] = await present()
      return last && bodyOf(last)
    }
    const failure = await this.delivery.send({ id, body }, signal)
    if (!last) return this.#gone(ids)
    if (!failure) return this.#failing.accepted(id)
    const error = this.#errorOf(id, attempt, failure)
    if (!failure.isFinal && this.#isDue(change, attempt)) {
      const letter = await body()
      return letter
        ? this.#giveUp(last, { body: letter, attempts: attempt, error }, failure)
        : this.#gone(ids)
    }
    // A request that was not waited for says nothing about the endpoint.
    if (!signal.aborted) this.#failed(id, attempt, failure, error)
    throw error
  }

  /** No message waits for this endpoint any more, as far as this node knows. */
  forget(): void {
    this.#failing.clear()
  }

  /** The store keeps it no longer. */
  #gone(ids: readonly string[]): void {
    for (const id of ids) this.#failing.gaveUp(id)
  }

  #failed(id: string, attempt: number, { why, isFinal }: PostFailure, error: ReportedFailure): void {
    this.#failing.add(id)
    // 410 is logged where it ends all sending.
    if (!isFinal) this.#failing.report({ id, attempt, why, waitMs: error.retryAfterMs ?? 0 })
  }

  /** Forgets what failed once another node may have the endpoint: that one sends it again. */
  #watch(lost: AbortSignal): void {
    if (this.#lost === lost) return
    this.#lost = lost
    lost.addEventListener('abort', () => this.forget())
  }

  /** The error that tells the consumer when to hand over the message again. */
  #errorOf(id: string, attempt: number, failure: PostFailure): ReportedFailure {
    const { label, retryMs } = this.endpoint
    const own = backOff(attempt, retryMs, this.deps.random())
    return new ReportedFailure('unavailable', {
      message: `webhooks: ${label} ${failure.why} (message ${id}, attempt ${attempt})`,
      cause: failure.cause,
      retryAfterMs: Math.min(retryMs, Math.max(own, failure.retryAfterMs)),
    })
  }

  #isDue({ timestampMs }: Change<AnyProtocol>, attempt: number): boolean {
    const ageMs = this.deps.clock.wallTime() - timestampMs
    return attempt >= LEAST_ATTEMPTS && ageMs >= this.endpoint.giveUpMs
  }

  async #giveUp(
    { roomId, message, position: { id } }: Change<AnyProtocol>,
    failed: Pick<DeadLetter, 'body' | 'attempts' | 'error'>,
    { why }: PostFailure,
  ): Promise<void> {
    const { label, onDeadLetter } = this.endpoint
    const { logger, count } = this.deps
    const { attempts, error } = failed
    try {
      await onDeadLetter({ endpoint: label, id, ...failed })
    } catch (err) {
      logger.error({ endpoint: label, id, err }, 'webhooks: onDeadLetter failed; the message is sent again')
      throw error
    }
    count('deadLetters', label)
    this.#failing.gaveUp(id)
    logger.error(
      { endpoint: label, roomId, id, type: message.type, attempts, why },
      'webhooks: a message was given up; the next one of its room follows',
    )
  }
}
