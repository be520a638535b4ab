import { inspect } from 'node:util'
import type { LogFields, Logger } from './logger.js'

/** Longest line, in characters: a stack with its causes fits. */
const LINE_LENGTH = 4_096
/** What can move a terminal's cursor, turn its text around, or end a line where some tools read it. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu

/** Writes warnings and errors to stderr and drops the rest. Only stacks take several lines, all but the first indented. */
export const consoleLogger: Logger = {
  debug() {},
  info() {},
  warn: (fields, event) => console.warn(line('warn', fields, event)),
  error: (fields, event) => console.error(line('error', fields, event)),
}

function line(level: string, fields: LogFields, event: string): string {
  const shown = Object.entries(fields).map(([key, value]) => ` ${key}=${show(value)}`)
  const text = printable(`[roomful] ${level}: ${event}${shown.join('')}`)
  return text.length <= LINE_LENGTH ? text : `${text.slice(0, LINE_LENGTH)}…`
}

function show(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : inspect(value, { customInspect: false })
}

/** An error's message may hold what a peer sent: indented, it cannot pass for a line of ours. */
function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) =>
    character === '\n' ? '\n    ' : `\\u{${character.codePointAt(0)?.toString(16)}}`,
  )
}
