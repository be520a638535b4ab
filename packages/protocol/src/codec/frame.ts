import { isWellFormed } from '../messages/text.js'

/** A parsed frame before any schema has checked it: a JSON object with its type. */
export type Frame = { readonly type: string } & Readonly<Record<string, unknown>>

export type FrameResult =
  | { readonly ok: true; readonly frame: Frame }
  /** Text that is not JSON, or JSON that is not an object. */
  | { readonly ok: false; readonly code: 'invalid_json' }
  /** An object whose `type` is not a string; `shown` describes its value. */
  | { readonly ok: false; readonly code: 'unknown_type'; readonly shown: string }

/** Parses one text frame. Never throws. */
export function parseFrame(text: string): FrameResult {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { ok: false, code: 'invalid_json' }
  }
  if (!isObject(value)) return { ok: false, code: 'invalid_json' }
  return isFrame(value)
    ? { ok: true, frame: value }
    : { ok: false, code: 'unknown_type', shown: show(value.type) }
}

/** Describes objects only by their kind: `JSON.stringify` overflows the stack on deep ones. */
function show(type: unknown): string {
  if (Array.isArray(type)) return 'array'
  if (isObject(type)) return 'object'
  return type === undefined ? '' : String(type)
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isFrame(value: Record<string, unknown>): value is Frame {
  return typeof value.type === 'string'
}

export type ContentFault = 'too deep' | 'ill-formed text' | 'reserved key'

/**
 * Checks what no schema does: the depth of nesting, lone surrogates anywhere, and `__proto__` keys, which would set a
 * prototype in any code that copies the object key by key. Ill-formed text is reported only if nothing else is wrong.
 */
export function inspectContent(value: unknown, maxDepth: number): ContentFault | undefined {
  if (typeof value === 'string') return isWellFormed(value) ? undefined : 'ill-formed text'
  if (typeof value !== 'object' || value === null) return undefined
  if (maxDepth === 0) return 'too deep'
  let found: ContentFault | undefined
  for (const key in value) {
    if (key === '__proto__') return 'reserved key'
    const fault = inspectContent((value as Record<string, unknown>)[key], maxDepth - 1)
    if (fault && fault !== 'ill-formed text') return fault
    if (fault || !isWellFormed(key)) found = 'ill-formed text'
  }
  return found
}
