import { inspect } from 'node:util'
import type { LogFields, Logger } from './logger.js'

/** Longest line, in characters: enough for a stack with its causes. */
const LINE_LENGTH = 4_096
/** Characters that can move a terminal's cursor, reverse its text, or end a line in some tools. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu

/**
 * Writes warnings and errors to stderr and drops the rest. Only stacks take several lines; all but the first are
 * indented.
 */
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

/** An error's message may contain text from a peer. Indented, it cannot pass for a log line of ours. */
function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) =>
    character === '\n' ? '\n    ' : `\\u{${character.codePointAt(0)?.toString(16)}}`,
  )
}
