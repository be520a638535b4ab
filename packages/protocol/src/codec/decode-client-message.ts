import * as z from 'zod/mini'
import { type ClientDefinition, isRequest, type ObjectSchema } from '../define/definitions.js'
import { ERRORS, type ErrorCode, type Issue } from '../errors/errors.js'
import {
  type ClientMessage,
  type ClientMessageOf,
  ClientMessage as ClientMessageSchema,
  chatMessage,
  ping,
  typingStart,
  typingStop,
} from '../messages/client-messages.js'
import { isRoomId, isWellFormed, TOKEN, toWellFormed, truncate } from '../messages/text.js'
import { isTraceparent } from '../messages/traceparent.js'
import { type Frame, inspectContent, isObject, parseFrame } from './frame.js'
import { type Check, compileShape } from './shape.js'
import { messageShapeOf } from './shape-of.js'
import { toIssues, type Validation, validate } from './validate.js'

/** The wire's own fields in a client's message; only those that are well-formed. */
export interface Envelope {
  readonly room_id?: string
  readonly ref?: string
  readonly client_id?: string
}

/** A message that the application declared: the envelope, and the body that its schema has accepted. */
export interface ApplicationMessage {
  readonly type: string
  readonly envelope: Envelope
  readonly body: object
}

/**
 * Which check failed: one of the `frame` itself, which comes before authentication; the name of the `room`; or one of
 * the `body`, which comes after "not in that room".
 */
export type CheckStage = 'frame' | 'room' | 'body'

export interface DecodeError {
  readonly ok: false
  readonly code: ErrorCode
  readonly stage: CheckStage
  /** The text of the `error` frame. */
  readonly message: string
  readonly issues: readonly Issue[]
  /** `undefined` if the frame was not an object with a type. */
  readonly type: string | undefined
  readonly envelope: Envelope
  readonly traceparent: string | undefined
  /** The error that an application's schema threw; the code is then `internal`. */
  readonly cause?: unknown
}

export type DecodeResult = Decoded | DecodeError

export type Decoded = (
  | { readonly kind: 'built_in'; readonly message: ClientMessage }
  | { readonly kind: 'application'; readonly message: ApplicationMessage }
) & {
  readonly ok: true
  /** The trace that the message belongs to, from its `meta`: a `traceparent` of W3C Trace Context. */
  readonly traceparent: string | undefined
}

export type EncodeResult =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly reason: string }

/** The part of a protocol that decoding a client's frame needs. */
export interface ClientContract {
  readonly client: object
  readonly chat?: ObjectSchema | undefined
}

export interface DecodeOptions {
  /** The application's protocol. @default none: only the built-in messages are known */
  readonly protocol?: ClientContract
  /** Deepest nesting of objects and arrays; the message itself is level 1. Never more than 256. @default 8 */
  readonly maxDepth?: number
}

/** Turns a message into the text of its frame. Never throws: if JSON cannot hold the message, the result says why. */
export function encode(message: { readonly type: string }): EncodeResult {
  try {
    const text: string | undefined = JSON.stringify(message)
    return text === undefined ? { ok: false, reason: 'JSON cannot hold the message' } : { ok: true, text }
  } catch (cause) {
    return { ok: false, reason: cause instanceof Error ? cause.message : 'JSON cannot hold the message' }
  }
}

type BuiltInSchema = z.core.$ZodType<ClientMessage>
type Written = Extract<ClientMessage, { type: 'chat_message' | 'edit_message' }>

const DEFAULT_DEPTH = 8
/** Beyond some thousands of levels, recursion overflows the stack. */
const DEEPEST = 256

/** The compiled schemas by type. Code generated from the same definition takes a third of the time. */
const schemas = new Map<string, BuiltInSchema>()
for (const { def } of ClientMessageSchema.def.options) {
  const compiled = new z.core.$ZodObjectJIT(def) as unknown as BuiltInSchema
  for (const type of def.shape.type.def.values) schemas.set(type, compiled)
}

interface Quick {
  readonly names: ReadonlySet<string>
  readonly check: Check
}

/**
 * Quick checks for the messages that a busy server receives most often, derived from their schemas. A schema
 * allocates a dozen objects for each message; these checks allocate none. A message that fails one, or has extra
 * fields, goes to its schema; so do chat messages with the fields that a shape cannot express.
 */
const quick = new Map<string, Quick>()
const plainChat = z.omit(chatMessage, { reply_to: true, mentions: true })
for (const schema of [plainChat, typingStart, typingStop, ping]) {
  const names = new Set(Object.keys(schema.def.shape))
  for (const type of schema.def.shape.type.def.values)
    quick.set(type, { names, check: compileShape(messageShapeOf(schema)) })
}

function fitsQuickly(frame: Frame): boolean {
  const found = quick.get(frame.type)
  if (!found) return false
  for (const name in frame) if (!found.names.has(name)) return false
  return found.check(frame) === undefined
}

/** Decodes and validates one text frame of a client; the checks run in the protocol's order. Never throws. */
export function decodeClientMessage(text: string, options: DecodeOptions = {}): DecodeResult {
  const parsed = parseFrame(text)
  if (!parsed.ok) {
    return parsed.code === 'unknown_type' ? unknownType(parsed.shown) : failure(parsed.code, 'frame')
  }
  const { frame } = parsed
  const schema = schemas.get(frame.type)
  const definition = schema ? undefined : applicationDefinition(options.protocol, frame.type)
  if (!schema && !definition) return unknownType(frame.type, frame)
  const fault = contentFault(frame, options.maxDepth ?? DEFAULT_DEPTH) ?? roomFault(frame)
  if (fault) return fault
  if (definition) return decodeApplication(frame, definition)
  return decodeBuiltIn(frame, schema as BuiltInSchema, options.protocol?.chat)
}

function contentFault(frame: Frame, maxDepth: number): DecodeError | undefined {
  const fault = inspectContent(frame, Math.min(maxDepth, DEEPEST))
  if (!fault) return undefined
  if (fault !== 'ill-formed text') {
    return failure('invalid_message', 'frame', frame, { issues: [{ path: '', message: fault }] })
  }
  const inRoomId = typeof frame.room_id === 'string' && !isWellFormed(frame.room_id)
  return failure(inRoomId ? 'invalid_room' : 'invalid_text', 'frame', frame)
}

function roomFault(frame: Frame): DecodeError | undefined {
  const { type, room_id } = frame
  if (type === 'auth' || type === 'ping') return undefined
  if (type === 'join' && (typeof room_id !== 'string' || room_id === '')) {
    return failure('room_id_required', 'room', frame)
  }
  if (room_id === undefined || isRoomId(room_id)) return undefined
  return failure('invalid_room', 'room', frame)
}

function decodeBuiltIn(frame: Frame, schema: BuiltInSchema, chat: ObjectSchema | undefined): DecodeResult {
  if (fitsQuickly(frame)) return accepted(frame, frame as unknown as ClientMessage, chat)
  const result = z.safeParse(schema, frame, { error: english.localeError })
  if (!result.success) {
    const issues = toIssues(result.error.issues)
    const textMissing = hasText(frame.type) && typeof frame.message !== 'string'
    return failure(textMissing ? 'message_required' : 'invalid_message', 'body', frame, { issues })
  }
  return accepted(frame, result.data, chat)
}

const hasText = (type: string): boolean => type === 'chat_message' || type === 'edit_message'

/** Without a locale, zod/mini says only "Invalid input". */
const english = /* @__PURE__ */ z.locales.en()

function accepted(frame: Frame, message: ClientMessage, chat: ObjectSchema | undefined): DecodeResult {
  return (
    crossFieldFault(frame, message, chat) ?? {
      ok: true,
      kind: 'built_in',
      message,
      traceparent: traceparentOf(frame),
    }
  )
}

/** Checks that involve several fields, which the schema of one message cannot express. */
function crossFieldFault(
  frame: Frame,
  message: ClientMessage,
  chat: ObjectSchema | undefined,
): DecodeError | undefined {
  if (message.type === 'chat_message' || message.type === 'edit_message')
    return chatDataFault(frame, message, chat)
  if (message.type === 'watch_rooms') {
    const wrong = message.room_ids.findIndex((id) => !isRoomId(id))
    return wrong < 0 ? undefined : invalidField(frame, `room_ids.${wrong}`, 'Not the name of a room')
  }
  return message.type === 'history' ? rangeFault(frame, message) : undefined
}

function rangeFault(
  frame: Frame,
  { before, after, around }: ClientMessageOf<'history'>,
): DecodeError | undefined {
  if (before !== undefined && after !== undefined)
    return invalidField(frame, 'after', 'Pass before or after, not both')
  const isTwofold = around !== undefined && (before !== undefined || after !== undefined)
  return isTwofold ? invalidField(frame, 'around', 'Pass around alone, without before and after') : undefined
}

/** Discards the schema's output: members receive the input, because a transform must not run twice. */
function chatDataFault(
  frame: Frame,
  message: Written,
  schema: ObjectSchema | undefined,
): DecodeError | undefined {
  if (!message.data) return undefined
  if (!schema) return invalidField(frame, 'data', 'This server declares no chat data')
  const result = validate(schema, message.data)
  return result.ok ? undefined : schemaFault(frame, result, 'data')
}

function decodeApplication(frame: Frame, definition: ClientDefinition): DecodeResult {
  const { type, room_id, ref, client_id, after, meta, ...body } = frame
  if (ref !== undefined && !isToken(ref)) {
    return invalidField(frame, 'ref', 'Expected 1 to 64 characters of printable ASCII')
  }
  const result = validate(isRequest(definition) ? definition.input : definition, body)
  if (!result.ok) return schemaFault(frame, result)
  const message = { type, envelope: envelopeOf(frame), body: result.value }
  return { ok: true, kind: 'application', message, traceparent: traceparentOf(frame) }
}

function applicationDefinition(
  protocol: ClientContract | undefined,
  type: string,
): ClientDefinition | undefined {
  if (!protocol || !Object.hasOwn(protocol.client, type)) return undefined
  return (protocol.client as Record<string, ClientDefinition>)[type]
}

function schemaFault(frame: Frame, result: Extract<Validation, { ok: false }>, prefix?: string): DecodeError {
  if ('cause' in result) return failure('internal', 'body', frame, { cause: result.cause })
  const issues = prefix
    ? result.issues.map(({ path, message }) => ({ path: path ? `${prefix}.${path}` : prefix, message }))
    : result.issues
  return failure('invalid_message', 'body', frame, { issues })
}

function invalidField(frame: Frame, path: string, message: string): DecodeError {
  return failure('invalid_message', 'body', frame, { issues: [{ path, message }] })
}

function unknownType(shown: string, frame?: Frame): DecodeError {
  const message = `${ERRORS.unknown_type.text}: ${toWellFormed(truncate(shown, 64))}`
  return failure('unknown_type', 'frame', frame, { message })
}

function failure(
  code: ErrorCode,
  stage: CheckStage,
  frame?: Frame,
  details: { message?: string; issues?: readonly Issue[]; cause?: unknown } = {},
): DecodeError {
  return {
    ok: false,
    code,
    stage,
    message: ERRORS[code].text,
    issues: [],
    type: frame?.type,
    envelope: frame ? envelopeOf(frame) : {},
    traceparent: frame && traceparentOf(frame),
    ...details,
  }
}

function envelopeOf(frame: Frame): Envelope {
  const { room_id, ref, client_id } = frame
  return {
    ...(isRoomId(room_id) && { room_id }),
    ...(isToken(ref) && { ref }),
    ...(isToken(client_id) && { client_id }),
  }
}

/** A trace that cannot be read is no reason to refuse a message: it is ignored. */
function traceparentOf({ meta }: Frame): string | undefined {
  return isObject(meta) && isTraceparent(meta.traceparent) ? meta.traceparent : undefined
}

function isToken(value: unknown): value is string {
  return typeof value === 'string' && TOKEN.test(value)
}
