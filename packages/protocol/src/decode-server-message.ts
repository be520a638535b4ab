import { isVolatile, type ServerDefinition } from './definitions.js'
import type { ErrorCode, Issue } from './errors.js'
import { type Frame, parseFrame } from './frame.js'
import type { ServerMessage } from './server-messages.js'
import { serverShapes } from './server-shapes.js'
import { findMisfit, type Shape } from './shape.js'
import { validate } from './validate.js'

/** A server message of an application as it came: the wire's envelope and the body that its schema returned. */
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
  /** A type that this side does not know: a newer server may add some, so it is no error. */
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

const shapes = new Map<string, Shape>(Object.entries(serverShapes))
const PUBLISHED_ENVELOPE: Shape = {
  fields: { room_id: 'string', id: 'token', epoch: 'token', offset: 'natural' },
}
const VOLATILE_ENVELOPE: Shape = { fields: { 'room_id?': 'string' } }

/** Decodes and validates one text frame of a server, without zod. Never throws, unless an application's schema is asynchronous. */
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
  const shape = shapes.get(frame.type)
  if (shape) {
    const path = findMisfit(shape, frame)
    // The shapes are derived from the schemas of this union and tested to be equal to them.
    if (path === undefined) return { ok: true, kind: 'built_in', message: frame as unknown as ServerMessage }
    return { ok: false, code: 'invalid_message', frame, issues: [{ path, message: 'Invalid value' }] }
  }
  if (!protocol || !Object.hasOwn(protocol.server, frame.type))
    return { ok: false, code: 'unknown_type', frame, issues: [] }
  return validateApplication(
    frame,
    (protocol.server as Record<string, ServerDefinition>)[frame.type] as ServerDefinition,
  )
}

function validateApplication(frame: Frame, definition: ServerDefinition): ServerDecodeResult {
  const misfit = findMisfit(isVolatile(definition) ? VOLATILE_ENVELOPE : PUBLISHED_ENVELOPE, frame)
  if (misfit !== undefined) {
    return { ok: false, code: 'invalid_message', frame, issues: [{ path: misfit, message: 'Invalid value' }] }
  }
  const { type, ...rest } = frame
  const { room_id, ref, client_id, after, ...volatileBody } = rest
  const { id, epoch, offset, ...publishedBody } = volatileBody
  const result = isVolatile(definition)
    ? validate(definition.body, volatileBody)
    : validate(definition, publishedBody)
  if (!result.ok) return { ok: false, code: 'invalid_message', frame, issues: result.issues }
  const envelope = isVolatile(definition)
    ? { type, room_id }
    : { type, room_id, client_id, id, epoch, offset }
  return { ok: true, kind: 'application', message: { ...result.value, ...envelope } as ReceivedMessage }
}
