import { CLOSE_CODES, type CloseName, closeCode, RoomfulError } from '@roomful/protocol'
import type { Answers, Refs } from './answers.js'
import type { Connection } from './connection.js'

/** Closes a connection with one of the codes that both sides know. */
export function closeWith(connection: Connection, name: CloseName): void {
  const { code, reason } = CLOSE_CODES[name]
  connection.close(code, reason)
}

/** Says why, and closes: a browser shows its page the code at most. */
export function dismiss(
  connection: Connection,
  answers: Answers,
  error: RoomfulError,
  name: CloseName,
  refs: Refs = {},
): void {
  answers.fail(connection, error, refs)
  closeWith(connection, name)
}

/**
 * Closes as the application wishes, by default as one who may not be here.
 * @throws RangeError or TypeError for a code or a reason that WebSocket does not allow
 */
export function sendAway(
  connection: Connection,
  answers: Answers,
  code: number = CLOSE_CODES.forbidden.code,
  reason = closeCode(code).reason,
): void {
  if (code === CLOSE_CODES.forbidden.code) answers.fail(connection, new RoomfulError('forbidden'))
  connection.close(code, reason)
}

/** Whether the user of a connection that ended may come back within the grace time. One who was sent away, or went, has left. */
export function mayReturn({ session, end }: Connection): boolean {
  const code = end?.code ?? CLOSE_CODES.normal.code
  const wasLost = code !== CLOSE_CODES.normal.code && code < CLOSE_CODES.invalid_token.code
  return session.extended && (wasLost || code === CLOSE_CODES.replaced.code)
}
