/**
 * Structured logging, compatible with pino: fields first, then the event. Tokens, sessions and message bodies are
 * never logged.
 */
export interface Logger {
  debug(fields: LogFields, event: string): void
  info(fields: LogFields, event: string): void
  warn(fields: LogFields, event: string): void
  error(fields: LogFields, event: string): void
}

/** The fields of an event. An `Error` is under `err`, where pino looks for message, stack and causes. */
export type LogFields = Readonly<Record<string, unknown>>

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} }
