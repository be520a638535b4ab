interface ErrorEntry {
  /** The English text of the `error` frame. */
  readonly text: string
  /** Whether the same request can succeed later without changes. */
  readonly temporary: boolean
}

/** Texts of servers that speak only base messages; they send no code. */
const BASE_TEXTS = {
  invalid_json: 'Invalid JSON format',
  unknown_type: 'Unknown message type',
  invalid_message: 'Invalid message',
  room_id_required: 'room_id is required',
  invalid_room: 'Invalid room_id',
  not_in_room: "Not in a room. Send a 'join' message first.",
  message_required: 'Message is required',
  message_too_long: 'Message too long',
  message_empty: 'Message cannot be empty',
} as const

/** The first group crosses the wire, the client alone creates the second, and the third is for the application on a server. */
const TEXTS = /* @__PURE__ */ (() =>
  ({
    ...BASE_TEXTS,
    invalid_text: 'Text is not valid Unicode',
    not_authenticated: 'Authentication is required',
    invalid_token: 'Invalid token',
    token_expired: 'Token expired',
    auth_timeout: 'Authentication timed out',
    unsupported_version: 'Unsupported protocol version',
    forbidden: 'Forbidden',
    muted: 'Muted in this room',
    banned: 'Banned',
    rate_limited: 'Rate limited',
    room_limit: 'Too many rooms',
    too_many_connections: 'Too many connections of this user',
    id_conflict: 'This client_id was used for another message',
    out_of_order: 'An earlier message was not accepted',
    outcome_unknown: 'It is not known whether this was carried out',
    not_found: 'There is no such message',
    deleted: 'The message was deleted',
    reaction_limit: 'Too many reactions to this message',
    epoch_changed: 'The history of this room was started anew',
    unavailable: 'Temporarily unavailable',
    draining: 'Server is restarting',
    internal: 'Internal server error',

    outbox_full: 'The outbox is full',
    cancelled: 'Cancelled',
    timeout: 'No answer in time',
    not_connected: 'Not connected',
    closed: 'The client is closed',
    too_large: 'The message is too large',
    storage_failed: 'The outbox could not be stored',
    unsupported: 'The server speaks only the base messages',

    cursor_gone: 'This cursor is of another store, or what follows it is gone',
  }) as const)()

/** A stable code of `error` frames and `RoomfulError`. */
export type ErrorCode = keyof typeof TEXTS

const TEMPORARY: readonly string[] = [
  'auth_timeout',
  'rate_limited',
  'too_many_connections',
  'out_of_order',
  'unavailable',
  'draining',
  'internal',
  'outbox_full',
  'timeout',
  'not_connected',
] satisfies ErrorCode[]

/** Permanent server errors, in addition to those of base servers: `retry_after_ms` does not make these temporary. */
const FINAL: readonly string[] = [
  'invalid_text',
  'not_authenticated',
  'invalid_token',
  'token_expired',
  'unsupported_version',
  'forbidden',
  'muted',
  'banned',
  'room_limit',
  'id_conflict',
  'outcome_unknown',
  'not_found',
  'deleted',
  'reaction_limit',
  'epoch_changed',
] satisfies ErrorCode[]

/** An application's own code is temporary only if it says when to retry. */
export function isTemporary(code: string, retryAfterMs?: number): boolean {
  if (FINAL.includes(code) || Object.hasOwn(BASE_TEXTS, code)) return false
  return retryAfterMs !== undefined || TEMPORARY.includes(code)
}

/** The text of an error that base servers send too. */
export function baseText(code: string): string | undefined {
  return Object.hasOwn(BASE_TEXTS, code) ? BASE_TEXTS[code as keyof typeof BASE_TEXTS] : undefined
}

/** The code for the text of a base server. */
export function baseErrorCode(text: string): ErrorCode | undefined {
  return (Object.keys(BASE_TEXTS) as (keyof typeof BASE_TEXTS)[]).find((code) => BASE_TEXTS[code] === text)
}

/** Every error code with its text. */
export const ERRORS = /* @__PURE__ */ Object.fromEntries(
  /* @__PURE__ */ Object.entries(TEXTS).map(([code, text]) => [code, { text, temporary: isTemporary(code) }]),
) as Readonly<Record<ErrorCode, ErrorEntry>>

/** The English text of an error that answers a message of type `requestType`. */
export function errorText(code: ErrorCode, requestType?: string): string {
  const whileTyping = requestType === 'typing_start' || requestType === 'typing_stop'
  return code === 'not_in_room' && whileTyping ? 'Not in a room' : ERRORS[code].text
}
