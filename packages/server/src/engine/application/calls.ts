import { RoomfulError } from '@roomful/protocol'
import type { AnyProtocol, ConnectionContext, Hooks } from '../../api/api.js'
import type { Clock } from '../../api/contracts/clock.js'
import { within } from '../../api/contracts/deadline.js'
import type { Logger } from '../../api/contracts/logger.js'
import { isRefusal } from '../../api/hooks/refuse.js'
import type { Limits } from '../../api/options/limits.js'
import { isPromise, type MaybePromise } from '../../util/maybe-promise.js'

export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: RoomfulError }

type Context = ConnectionContext<AnyProtocol, unknown>

/** The meaning of a throw in hooks where applications often expect another meaning. */
const MEANINGS: Readonly<Record<string, string>> = {
  authenticate:
    'a throw means an outage, so that clients come again and again; return null to refuse a token',
  authorize: 'a throw denies for now, so that clients ask again; return false to deny',
}

/**
 * Calls the application's hooks and handlers. Whatever they do (throw, reject, hang), the caller gets an outcome, and
 * a fault is logged once.
 */
export class ApplicationCalls {
  constructor(
    private readonly sets: readonly Hooks<AnyProtocol, unknown>[],
    private readonly clock: Clock,
    private readonly limits: Limits,
    private readonly logger: Logger,
  ) {}

  /**
   * Runs a call. `onTimeout` tells the application that its time is up. A result that is available at once is
   * returned at once.
   */
  run<T>(
    name: string,
    context: Context | undefined,
    call: () => MaybePromise<T>,
    onTimeout?: () => void,
  ): Outcome<T> | Promise<Outcome<T>> {
    try {
      const value = call()
      return isPromise(value) ? this.#settle(name, context, value, onTimeout) : { ok: true, value }
    } catch (error) {
      return { ok: false, error: this.#fault(name, context, error) }
    }
  }

  /** Runs a hook that nobody waits for. */
  notify(name: string, context: Context | undefined, call: () => void | Promise<void> | undefined): void {
    void this.run(name, context, call)
  }

  /** Logs a fault once and passes it to `on.error`. */
  report(event: string, error: unknown, context: Context | undefined): void {
    this.logger.error({ connection: context?.connection.id, err: error }, event)
    this.#tell(error, context)
  }

  /**
   * The answer to the client: a refusal as it is. For anything else, which is logged, the client only learns that it
   * failed.
   */
  answerTo(event: string, error: unknown, context: Context | undefined): RoomfulError {
    if (isRefusal(error)) return error
    this.report(event, error, context)
    return new RoomfulError('internal', { cause: error })
  }

  /**
   * Logs a single short line without a stack, because a peer causes these errors and could otherwise fill the log.
   */
  reportSocket(error: Error, context: Context): void {
    this.logger.info({ connection: context.connection.id, why: error.message }, 'a socket failed')
    this.#tell(error, context)
  }

  #tell(error: unknown, context: Context | undefined): void {
    for (const hooks of this.sets) this.#tellOne(hooks, error, context)
  }

  #tellOne(hooks: Hooks<AnyProtocol, unknown>, error: unknown, context: Context | undefined): void {
    try {
      const result = hooks.error?.(error, context)
      if (isPromise(result)) Promise.resolve(result).catch((again: unknown) => this.#logErrorHook(again))
    } catch (again) {
      this.#logErrorHook(again)
    }
  }

  async #settle<T>(
    name: string,
    context: Context | undefined,
    promise: PromiseLike<T>,
    onTimeout: (() => void) | undefined,
  ): Promise<Outcome<T>> {
    const { handlerMs } = this.limits
    const late = () => {
      onTimeout?.()
      return new Error(`${name} took longer than ${handlerMs} ms`)
    }
    try {
      return { ok: true, value: await within(handlerMs, this.clock, promise, late) }
    } catch (error) {
      return { ok: false, error: this.#fault(name, context, error) }
    }
  }

  #fault(name: string, context: Context | undefined, error: unknown): RoomfulError {
    const meaning = MEANINGS[name]
    return this.answerTo(meaning ? `${name} failed: ${meaning}` : `${name} failed`, error, context)
  }

  #logErrorHook(error: unknown): void {
    this.logger.error({ err: error }, 'on.error failed')
  }
}
