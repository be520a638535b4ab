import { CLOSE_CODES, type CloseName, closeCode, RoomfulError } from '@roomful/protocol'
import type { Connection } from './connection.js'
import type { Refs } from './refs.js'
import type { Replies } from './replies.js'

/** Closes a connection with one of the codes that both sides know. */
export function closeWith(connection: Connection, name: CloseName): void {
  const { code, reason } = CLOSE_CODES[name]
  connection.close(code, reason)
}

/** Sends the reason, then closes: a browser shows its page only the code, if that. */
export function rejectAndClose(
  connection: Connection,
  replies: Replies,
  error: RoomfulError,
  name: CloseName,
  refs: Refs = {},
): void {
  replies.fail(connection, error, refs)
  closeWith(connection, name)
}

/** RFC 6455 allows 125 bytes in a Close frame, two of which are the code. */
const MAX_REASON_BYTES = 123

/** Why WebSocket does not allow this code or reason, or `undefined` if it does. */
export function closeFault(code: unknown, reason: unknown): Error | undefined {
  if (typeof code !== 'number' || !Number.isInteger(code))
    return new TypeError(`A close code is a whole number, not ${String(code)}`)
  if (typeof reason !== 'string') return new TypeError(`A close reason is a string, not ${typeof reason}`)
  const isReserved =
    code < 1000 || (code >= 1004 && code <= 1006) || (code > 1014 && code < 3000) || code > 4999
  if (isReserved)
    return new RangeError(
      `WebSocket does not allow the close code ${code}; an application's own are 4000 to 4999`,
    )
  const bytes = Buffer.byteLength(reason)
  if (bytes > MAX_REASON_BYTES)
    return new RangeError(`A close reason has at most ${MAX_REASON_BYTES} bytes in UTF-8, not ${bytes}`)
  return undefined
}

/**
 * Closes as the application wishes; the default is `forbidden`.
 * @throws RangeError or TypeError for a code or a reason that WebSocket does not allow
 */
export function disconnect(
  connection: Connection,
  replies: Replies,
  code: number = CLOSE_CODES.forbidden.code,
  reason = closeCode(code).reason,
): void {
  const fault = closeFault(code, reason)
  if (fault) throw fault
  if (code === CLOSE_CODES.forbidden.code) replies.fail(connection, new RoomfulError('forbidden'))
  connection.close(code, reason)
}

/**
 * Whether the user of an ended connection may return within the grace period. A user who was disconnected, or who
 * left, may not.
 */
export function mayReturn({ session, end }: Connection): boolean {
  const code = end?.code ?? CLOSE_CODES.normal.code
  return session.extended && code !== CLOSE_CODES.normal.code && code < CLOSE_CODES.invalid_token.code
}
