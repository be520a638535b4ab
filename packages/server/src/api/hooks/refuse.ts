import { RoomfulError as AnyRoomfulError, truncate } from '@roomful/protocol'
import { assertOptions, is } from '@roomful/protocol/options'
import { RoomfulError } from '../contracts/roomful-error.js'

/** Longest text of a refusal, in Unicode code points: a line for people to read. */
const MAX_TEXT_LENGTH = 1_000
const MAX_CODE_LENGTH = 64

/**
 * Creates the error to throw from a hook or handler in order to refuse a message or a join, with your own code and
 * text. Any other error counts as a fault: it is logged, and the client only receives `Internal server error`. A text
 * is cut at 1,000 characters.
 * @throws TypeError for a code that does not have 1 to 64 characters, an empty text, or a `retryAfterMs` that is not
 * a number of ms
 * @example throw refuse('game_full', 'The game is full')
 */
export function refuse(
  code: string,
  message: string,
  options: { readonly retryAfterMs?: number } = {},
): RoomfulError {
  if (!isRefusalCode(code))
    throw new TypeError("refuse: code must be a string of 1 to 64 characters, such as 'game_full'")
  if (typeof message !== 'string' || message === '')
    throw new TypeError('refuse: message must be a string that people can read')
  assertOptions('refuse', options, { retryAfterMs: is.duration })
  return new RoomfulError(code, { message: truncate(message, MAX_TEXT_LENGTH), ...options })
}

function isRefusalCode(code: unknown): code is string {
  return typeof code === 'string' && code !== '' && code.length <= MAX_CODE_LENGTH
}

/** Whether an error can be answered as it is. The application may have made it of anything, and its getters may throw. */
export function isRefusal(error: unknown): error is AnyRoomfulError {
  try {
    if (!(error instanceof AnyRoomfulError)) return false
    const { code, message, retryAfterMs, issues } = error
    JSON.stringify(issues)
    const isTime = retryAfterMs === undefined || (Number.isFinite(retryAfterMs) && retryAfterMs >= 0)
    return isTime && isRefusalCode(code) && typeof message === 'string' && Array.isArray(issues)
  } catch {
    return false
  }
}
