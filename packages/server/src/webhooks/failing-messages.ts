import type { Clock } from '../api/contracts/clock.js'
import type { Logger } from '../api/contracts/logger.js'

const LINE_MS = 60_000

export interface Failure {
  readonly id: string
  readonly attempt: number
  /** Ends the sentence "the endpoint …". */
  readonly why: string
  /** The time until the next request, in ms. */
  readonly waitMs: number
}

/**
 * The messages of one endpoint that failed and are sent again. Logs the first failure, then at most one a minute, and
 * when all these messages have been accepted: an endpoint that is down, or refuses one message, must not flood the log.
 */
export class FailingMessages {
  /** When each failed first. The oldest comes first. */
  readonly #since = new Map<string, number>()
  #quietUntil = Number.NEGATIVE_INFINITY
  /** Whether the log says that requests fail, and not yet that this is over. */
  #isLogged = false

  constructor(
    private readonly endpoint: string,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /** How long the oldest has been failing, in ms; 0 if there is none. */
  get failingMs(): number {
    const [oldest] = this.#since.values()
    return oldest === undefined ? 0 : this.clock.now() - oldest
  }

  add(id: string): void {
    if (!this.#since.has(id)) this.#since.set(id, this.clock.now())
  }

  /** Logs a failure of one of them. */
  report({ id, attempt, why, waitMs }: Failure): void {
    const now = this.clock.now()
    if (now < this.#quietUntil) return
    this.#quietUntil = now + LINE_MS
    this.#isLogged = true
    const retryAfterS = Math.ceil(waitMs / 1_000)
    this.logger.warn(
      { endpoint: this.endpoint, why, id, attempt, retryAfterS },
      'webhooks: a request failed; its message is sent again',
    )
  }

  accepted(id: string): void {
    this.#since.delete(id)
    if (this.#since.size > 0 || !this.#isLogged) return
    this.#isLogged = false
    this.logger.info({ endpoint: this.endpoint, id }, 'webhooks: the endpoint accepts messages again')
  }

  /** The message is not sent again. */
  gaveUp(id: string): void {
    this.#since.delete(id)
  }

  /** Nothing is sent from this node any more. */
  clear(): void {
    this.#since.clear()
    this.#isLogged = false
  }
}
