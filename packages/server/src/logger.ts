/** Structured logging in the shape of pino: fields first, then the event. Tokens, sessions and bodies never reach it. */
export interface Logger {
  debug(fields: LogFields, event: string): void
  info(fields: LogFields, event: string): void
  warn(fields: LogFields, event: string): void
  error(fields: LogFields, event: string): void
}

export type LogFields = Readonly<Record<string, unknown>>

/** Writes warnings and errors to stderr, one line each, and drops the rest. */
export const consoleLogger: Logger = {
  debug() {},
  info() {},
  warn: (fields, event) => console.warn(line('warn', fields, event)),
  error: (fields, event) => console.error(line('error', fields, event)),
}

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} }

function line(level: string, fields: LogFields, event: string): string {
  const shown = Object.entries(fields).map(([key, value]) => `${key}=${show(value)}`)
  return [`[roomful] ${level}: ${event}`, ...shown].join(' ')
}

function show(value: unknown): string {
  if (value instanceof Error) return value.stack ?? value.message
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}
