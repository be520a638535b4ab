import type * as z from 'zod/mini'
import { type ClientMessage, ClientMessage as ClientMessageSchema } from './client-messages.js'
import type { ClientDefinition, ObjectSchema } from './define-protocol.js'
import { isRequest } from './define-protocol.js'
import { ERRORS, type ErrorCode, type Issue } from './errors.js'
import { type Frame, inspectContent, parseFrame } from './frame.js'
import { isRoomId, truncate } from './text.js'
import { joinPath, validate } from './validate.js'

/** The fields of a client's message that are the wire's own; only those that are well-formed. */
export interface Envelope {
  readonly room_id?: string
  readonly ref?: string
  readonly client_id?: string
}

/** A message of an application's own: the envelope apart from the body that its schema has checked. */
export interface ApplicationMessage {
  readonly type: string
  readonly envelope: Envelope
  readonly body: object
}

export interface DecodeError {
  readonly ok: false
  readonly code: ErrorCode
  /** The text of the `error` frame. */
  readonly message: string
  readonly issues: readonly Issue[]
  /** `undefined` if the frame was no object with a type. */
  readonly type: string | undefined
  readonly envelope: Envelope
}

export type DecodeResult =
  | { readonly ok: true; readonly kind: 'built_in'; readonly message: ClientMessage }
  | { readonly ok: true; readonly kind: 'application'; readonly message: ApplicationMessage }
  | DecodeError

export type EncodeResult =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly reason: string }

/** The part of a protocol that decoding a client's frame needs. */
export interface ClientContract {
  readonly client: object
  readonly chat?: ObjectSchema | undefined
}

export interface DecodeOptions {
  /** An application's protocol. @default none: only the built-in messages are known */
  readonly protocol?: ClientContract
  /** Deepest nesting of objects and arrays, the message itself being 1. @default 8 */
  readonly maxDepth?: number
}

/** Turns a message into the text of its frame. Never throws: what JSON cannot hold is a result that says why. */
export function encode(message: { readonly type: string }): EncodeResult {
  try {
    return { ok: true, text: JSON.stringify(message) }
  } catch (cause) {
    return { ok: false, reason: cause instanceof Error ? cause.message : String(cause) }
  }
}

const schemas = new Map<string, z.ZodMiniType<ClientMessage>>()
for (const option of ClientMessageSchema.def.options) {
  for (const type of option.def.shape.type.def.values) schemas.set(type, option)
}

/** Decodes and validates one text frame of a client. Never throws, unless an application's schema is asynchronous. */
export function decodeClientMessage(text: string, options: DecodeOptions = {}): DecodeResult {
  const parsed = parseFrame(text)
  if (!parsed.ok) {
    const message = parsed.code === 'unknown_type' ? unknownTypeText(parsed.shown) : ERRORS.invalid_json.text
    return failure(parsed.code, undefined, { message })
  }
  const { frame } = parsed
  const schema = schemas.get(frame.type)
  const definition = schema ? undefined : applicationDefinition(options.protocol, frame.type)
  if (!schema && !definition) return failure('unknown_type', frame, { message: unknownTypeText(frame.type) })
  const fault = inspectContent(frame, options.maxDepth ?? 8)
  if (fault === 'ill-formed text') return failure('invalid_text', frame)
  if (fault) return failure('invalid_message', frame, { issues: [{ path: '', message: fault }] })
  return definition
    ? decodeApplication(frame, definition)
    : decodeBuiltIn(frame, schema as z.ZodMiniType<ClientMessage>, options.protocol)
}

function decodeBuiltIn(
  frame: Frame,
  schema: z.ZodMiniType<ClientMessage>,
  protocol: ClientContract | undefined,
): DecodeResult {
  const result = schema.safeParse(frame)
  if (!result.success) {
    const issues = result.error.issues.map(({ path, message }) => ({ path: joinPath(path), message }))
    return failure(codeOfField(frame.type, issues), frame, { issues })
  }
  const message = result.data
  if ('room_id' in message && message.room_id !== undefined && !isRoomId(message.room_id)) {
    return failure(message.room_id === '' ? 'room_id_required' : 'invalid_room', frame)
  }
  if (message.type === 'chat_message' && message.data) return decodeChatData(frame, message, protocol?.chat)
  return { ok: true, kind: 'built_in', message }
}

function decodeChatData(
  frame: Frame,
  message: Extract<ClientMessage, { type: 'chat_message' }>,
  schema: ObjectSchema | undefined,
): DecodeResult {
  if (!schema) {
    return failure('invalid_message', frame, {
      issues: [{ path: 'data', message: 'This server declares no chat data' }],
    })
  }
  const result = validate(schema, message.data)
  if (!result.ok) {
    const issues = result.issues.map((issue) => ({
      ...issue,
      path: issue.path ? `data.${issue.path}` : 'data',
    }))
    return failure('invalid_message', frame, { issues })
  }
  // The input travels: receivers run the same schema, and a transform must not run twice.
  return { ok: true, kind: 'built_in', message }
}

function decodeApplication(frame: Frame, definition: ClientDefinition): DecodeResult {
  const { type, room_id, ref, client_id, after, ...body } = frame
  const envelope = envelopeOf(frame)
  for (const [path, value, kept] of [
    ['room_id', room_id, envelope.room_id],
    ['ref', ref, envelope.ref],
  ] as const) {
    if (value !== undefined && kept === undefined) {
      return path === 'room_id'
        ? failure('invalid_room', frame)
        : failure('invalid_message', frame, {
            issues: [{ path, message: 'Expected a string of 1 to 64 characters' }],
          })
    }
  }
  const result = validate(isRequest(definition) ? definition.input : definition, body)
  if (!result.ok) return failure('invalid_message', frame, { issues: result.issues })
  return { ok: true, kind: 'application', message: { type, envelope, body: result.value } }
}

function applicationDefinition(
  protocol: ClientContract | undefined,
  type: string,
): ClientDefinition | undefined {
  if (!protocol || !Object.hasOwn(protocol.client, type)) return undefined
  return (protocol.client as Record<string, ClientDefinition>)[type]
}

/** The code that the channels page gives to a missing or wrong-typed field, else `invalid_message`. */
function codeOfField(type: string, issues: readonly Issue[]): ErrorCode {
  const faulty = new Set(issues.map(({ path }) => path))
  if (type === 'join' && faulty.has('room_id')) return 'room_id_required'
  if (type === 'chat_message' && faulty.has('message')) return 'message_required'
  return faulty.has('room_id') ? 'invalid_room' : 'invalid_message'
}

function failure(
  code: ErrorCode,
  frame: Frame | undefined,
  details: { message?: string; issues?: readonly Issue[] } = {},
): DecodeError {
  return {
    ok: false,
    code,
    message: details.message ?? ERRORS[code].text,
    issues: details.issues ?? [],
    type: frame?.type,
    envelope: frame ? envelopeOf(frame) : {},
  }
}

function envelopeOf(frame: Frame): Envelope {
  const { room_id, ref, client_id } = frame
  return {
    ...(typeof room_id === 'string' && isRoomId(room_id) && { room_id }),
    ...(isToken(ref) && { ref }),
    ...(isToken(client_id) && { client_id }),
  }
}

function isToken(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= 64
}

function unknownTypeText(shown: string): string {
  return `${ERRORS.unknown_type.text}: ${truncate(shown, 64)}`
}
