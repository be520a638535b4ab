/** Structured logging in the shape of pino: fields first, then the event. Tokens, sessions and bodies never reach it. */
export interface Logger {
  debug(fields: LogFields, event: string): void
  info(fields: LogFields, event: string): void
  warn(fields: LogFields, event: string): void
  error(fields: LogFields, event: string): void
}

/** What belongs to an event. An `Error` stands under `err`, where pino looks for message, stack and causes. */
export type LogFields = Readonly<Record<string, unknown>>

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} }
