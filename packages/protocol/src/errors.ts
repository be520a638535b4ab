interface ErrorEntry {
  /** The English text of the `error` frame. */
  readonly text: string
  /** Whether the same request can succeed later without a change. */
  readonly temporary: boolean
}

const fault = (text: string): ErrorEntry => ({ text, temporary: false })
const temporary = (text: string): ErrorEntry => ({ text, temporary: true })

/** Every error code with its text. The first group crosses the wire, the second is made by the client alone. */
export const ERRORS = {
  invalid_json: fault('Invalid JSON format'),
  unknown_type: fault('Unknown message type'),
  invalid_message: fault('Invalid message'),
  room_id_required: fault('room_id is required'),
  invalid_room: fault('Invalid room_id'),
  not_in_room: fault("Not in a room. Send a 'join' message first."),
  message_required: fault('Message is required'),
  message_too_long: fault('Message too long'),
  message_empty: fault('Message cannot be empty'),
  invalid_text: fault('Text is not valid Unicode'),
  not_authenticated: fault('Authentication is required'),
  invalid_token: fault('Invalid token'),
  token_expired: fault('Token expired'),
  auth_timeout: temporary('Authentication timed out'),
  unsupported_version: fault('Unsupported protocol version'),
  forbidden: fault('Forbidden'),
  rate_limited: temporary('Rate limited'),
  room_limit: fault('Too many rooms'),
  id_conflict: fault('This client_id was used for another message'),
  out_of_order: temporary('An earlier message was not accepted'),
  outcome_unknown: fault('It is not known whether this was carried out'),
  epoch_changed: fault('The history of this room was started anew'),
  unavailable: temporary('Temporarily unavailable'),
  draining: temporary('Server is restarting'),
  internal: temporary('Internal server error'),

  outbox_full: temporary('The outbox is full'),
  cancelled: fault('Cancelled'),
  timeout: temporary('No answer in time'),
  not_connected: temporary('Not connected'),
  closed: fault('The client is closed'),
  too_large: fault('The message is too large'),
  storage_failed: fault('The outbox could not be stored'),
  unsupported: fault('The server speaks only the base messages'),
} as const satisfies Record<string, ErrorEntry>

/** The English text of an error that answers a message of type `requestType`. */
export function errorText(code: ErrorCode, requestType?: string): string {
  const whileTyping = requestType === 'typing_start' || requestType === 'typing_stop'
  return code === 'not_in_room' && whileTyping ? 'Not in a room' : ERRORS[code].text
}

/** A stable code of `error` frames and {@link RoomfulError}. */
export type ErrorCode = keyof typeof ERRORS

/** One field of a message that its schema refused. */
export interface Issue {
  /** Where, from the message's top, as `position.x` or `moves.0.from`. */
  readonly path: string
  readonly message: string
}

export interface RoomfulErrorOptions {
  readonly message?: string | undefined
  readonly retryAfterMs?: number | undefined
  readonly issues?: readonly Issue[] | undefined
  readonly roomId?: string | undefined
  readonly cause?: unknown
}

/**
 * The one error class of all three packages. `code` is stable; `temporary` says whether the same request
 * may succeed later. An application may use codes of its own (`game_full`), which are not temporary
 * unless `retryAfterMs` is given.
 */
export class RoomfulError extends Error {
  override readonly name = 'RoomfulError'
  readonly code: ErrorCode | (string & {})
  readonly temporary: boolean
  /** How long to wait before trying again, in ms. */
  readonly retryAfterMs: number | undefined
  readonly issues: readonly Issue[]
  readonly roomId: string | undefined

  constructor(code: ErrorCode | (string & {}), options: RoomfulErrorOptions = {}) {
    const entry = errorEntry(code)
    super(options.message ?? entry?.text ?? code, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.temporary = entry?.temporary ?? options.retryAfterMs !== undefined
    this.retryAfterMs = options.retryAfterMs
    this.issues = options.issues ?? []
    this.roomId = options.roomId
  }
}

function errorEntry(code: string): ErrorEntry | undefined {
  return Object.hasOwn(ERRORS, code) ? ERRORS[code as ErrorCode] : undefined
}
