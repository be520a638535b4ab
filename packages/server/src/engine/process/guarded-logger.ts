import { inspect } from 'node:util'
import type { Clock } from '../../api/contracts/clock.js'
import { consoleLogger } from '../../api/contracts/console-logger.js'
import type { LogFields, Logger } from '../../api/contracts/logger.js'
import { isPromise } from '../../util/maybe-promise.js'

const MINUTE_MS = 60_000
/** Longest text in a field, in characters. */
const TEXT_LENGTH = 500

/** The lines of one event within one minute. */
interface Window {
  readonly endsAt: number
  lines: number
  suppressed: number
}

/**
 * Wraps the application's logger so that it is safe to call from anywhere: it cannot throw, and peers can neither
 * flood it nor write long texts into it.
 */
export class GuardedLogger implements Logger {
  /** By event. The events come from this project, never from a peer, so there are few. */
  readonly #windows = new Map<string, Window>()

  constructor(
    private readonly logger: Logger,
    private readonly clock: Clock,
    private readonly linesPerMinute: number,
  ) {}

  debug(fields: LogFields, event: string): void {
    this.#log('debug', fields, event)
  }

  info(fields: LogFields, event: string): void {
    this.#log('info', fields, event)
  }

  warn(fields: LogFields, event: string): void {
    this.#log('warn', fields, event)
  }

  error(fields: LogFields, event: string): void {
    this.#log('error', fields, event)
  }

  #log(level: keyof Logger, fields: LogFields, event: string): void {
    const window = this.#windowOf(event)
    if (window.lines < this.linesPerMinute) {
      window.lines++
      this.#write(level, fields, event)
    } else if (window.suppressed++ === 0) {
      this.clock.after(window.endsAt - this.clock.now(), () =>
        this.#write(level, { suppressed: window.suppressed }, event),
      )
    }
  }

  #windowOf(event: string): Window {
    const now = this.clock.now()
    const open = this.#windows.get(event)
    if (open && now < open.endsAt) return open
    const window = { endsAt: now + MINUTE_MS, lines: 0, suppressed: 0 }
    this.#windows.set(event, window)
    return window
  }

  #write(level: keyof Logger, fields: LogFields, event: string): void {
    try {
      const result: unknown = this.logger[level](readable(fields), event)
      if (isPromise(result)) Promise.resolve(result).catch((error: unknown) => this.#failed(error, event))
    } catch (error) {
      this.#failed(error, event)
    }
  }

  /** Reports a failing logger on the console. */
  #failed(error: unknown, lost: string): void {
    const window = this.#windowOf('the logger failed')
    if (window.lines++ >= this.linesPerMinute) return
    try {
      consoleLogger.error({ lost, err: toError(error) }, 'the logger failed')
    } catch {
      // There is nowhere left to report it, and a server that cannot log can still serve.
    }
  }
}

function readable(fields: LogFields): LogFields {
  const entries = Object.entries(fields).map(([key, value]) => [
    key,
    key === 'err' ? toError(value) : typeof value === 'string' ? cut(value) : value,
  ])
  return Object.fromEntries(entries)
}

function cut(text: string): string {
  return text.length <= TEXT_LENGTH ? text : `${text.slice(0, TEXT_LENGTH)}… (${text.length} characters)`
}

/** Turns a thrown value into an error that a logger can read: JavaScript can throw anything. */
export function toError(thrown: unknown): Error {
  try {
    if (thrown instanceof Error && isReadable(thrown)) return thrown
    return new Error(`thrown: ${cut(inspect(thrown, { customInspect: false }))}`)
  } catch {
    return new Error('thrown: a value that cannot be read')
  }
}

/** Whether everything that a logger reads from an error can be read. */
function isReadable({ name, message, stack = '' }: Error): boolean {
  return [name, message, stack].every((text) => typeof text === 'string')
}
