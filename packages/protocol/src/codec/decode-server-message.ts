import { isVolatile, type ServerDefinition } from '../define/definitions.js'
import type { ErrorCode, Issue } from '../errors/errors.js'
import { ENVELOPE_FIELDS, PUBLISHED_ENVELOPE_FIELDS } from '../messages/reserved.js'
import type { ServerMessage } from '../messages/server-messages.js'
import { type Frame, parseFrame } from './frame.js'
import { partShapes, serverShapes } from './server-shapes.js'
import { compileShape } from './shape.js'
import { validate } from './validate.js'

/** An application's server message as it arrived: the wire's envelope, and the body that its schema returned. */
export interface ReceivedMessage {
  readonly type: string
  readonly room_id?: string
  readonly id?: string
  readonly epoch?: string
  readonly offset?: number
  readonly [field: string]: unknown
}

export type ServerDecodeResult =
  | { readonly ok: true; readonly kind: 'built_in'; readonly message: ServerMessage }
  | { readonly ok: true; readonly kind: 'application'; readonly message: ReceivedMessage }
  /** A type that this side does not know. This is not an error, because a newer server may add types. */
  | {
      readonly ok: false
      readonly code: 'unknown_type'
      readonly frame: Frame | undefined
      readonly issues: readonly Issue[]
    }
  | {
      readonly ok: false
      readonly code: Extract<ErrorCode, 'invalid_json' | 'invalid_message'>
      readonly frame: Frame | undefined
      readonly issues: readonly Issue[]
    }

const checks = new Map(
  Object.entries(serverShapes).map(([type, shape]) => [type, compileShape(shape, partShapes)]),
)
const checkPublished = compileShape('room_id id:token epoch:token offset:natural client_id?:token')
const checkVolatile = compileShape('room_id?')

/** Decodes and validates one text frame of a server, without zod. Never throws. */
export function decodeServerMessage(
  text: string,
  protocol?: { readonly server: object },
): ServerDecodeResult {
  const parsed = parseFrame(text)
  if (!parsed.ok) return { ok: false, code: parsed.code, frame: undefined, issues: [] }
  return validateServerMessage(parsed.frame, protocol)
}

/** Validates a parsed frame of a server, or an entry of `messages` in `joined` and `history`. */
export function validateServerMessage(
  frame: Frame,
  protocol?: { readonly server: object },
): ServerDecodeResult {
  const check = checks.get(frame.type)
  if (check) {
    const misfit = check(frame)
    if (misfit !== undefined) return invalid(frame, [{ path: misfit, message: 'Invalid value' }])
    // A test compares the shapes with the schemas of this union, from which they are derived.
    return { ok: true, kind: 'built_in', message: frame as unknown as ServerMessage }
  }
  if (!protocol || !Object.hasOwn(protocol.server, frame.type)) {
    return { ok: false, code: 'unknown_type', frame, issues: [] }
  }
  const definition = (protocol.server as Record<string, ServerDefinition>)[frame.type] as ServerDefinition
  return validateApplication(frame, definition)
}

function validateApplication(frame: Frame, definition: ServerDefinition): ServerDecodeResult {
  const published = !isVolatile(definition)
  const misfit = (published ? checkPublished : checkVolatile)(frame)
  if (misfit !== undefined) return invalid(frame, [{ path: misfit, message: 'Invalid value' }])
  const reserved = published ? PUBLISHED_ENVELOPE_FIELDS : ENVELOPE_FIELDS
  const fields = Object.entries(frame)
  const body = Object.fromEntries(fields.filter(([name]) => !reserved.has(name)))
  const result = validate(published ? definition : definition.body, body)
  if (!result.ok) return invalid(frame, result.issues)
  const envelope = Object.fromEntries(fields.filter(([name]) => reserved.has(name)))
  return { ok: true, kind: 'application', message: { ...result.value, ...envelope, type: frame.type } }
}

function invalid(frame: Frame, issues: readonly Issue[]): ServerDecodeResult {
  return { ok: false, code: 'invalid_message', frame, issues }
}
