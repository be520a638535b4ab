import type { Clock } from './clock.js'
import type { LogFields, Logger } from './logger.js'

const EVERY_MS = 60_000

/** A warning that others can cause at any rate: logged at most once a minute, with how often it was due since. */
export class RationedWarning {
  #due = 0
  #loggedAt = Number.NEGATIVE_INFINITY

  constructor(
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly event: string,
  ) {}

  warn(fields: LogFields): void {
    this.#due++
    const now = this.clock.now()
    if (now - this.#loggedAt < EVERY_MS) return
    this.logger.warn({ ...fields, times: this.#due }, this.event)
    this.#loggedAt = now
    this.#due = 0
  }
}
