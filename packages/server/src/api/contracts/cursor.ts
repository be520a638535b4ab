import { compileShape } from '@roomful/protocol'
import type { Position } from './log.js'

const isCursor = compileShape('epoch offset:natural id')

/** A position in a log, or in the feed, as an opaque text. */
export function cursorText({ epoch, offset, id }: Position): string {
  return Buffer.from(JSON.stringify({ epoch, offset, id })).toString('base64url')
}

/** `undefined` for a text that no server has issued. */
export function parseCursor(text: unknown): Position | undefined {
  if (typeof text !== 'string') return undefined
  try {
    const cursor: unknown = JSON.parse(Buffer.from(text, 'base64url').toString())
    return isCursor(cursor) === undefined ? (cursor as Position) : undefined
  } catch {
    return undefined
  }
}
