import { RoomfulError } from '@roomful/protocol'

/**
 * The error to throw from a hook or handler in order to refuse a message or a join with a code and a text of your own.
 * Any other error is taken for a fault: it is logged, and the client only learns `Internal server error`.
 * @throws TypeError for a code or a text that is no string: it could not be sent
 *
 * @example throw refuse('game_full', 'The game is full')
 */
export function refuse(
  code: string,
  message: string,
  options: { readonly retryAfterMs?: number } = {},
): RoomfulError {
  if (typeof code !== 'string') throw new TypeError("refuse: code must be a string, such as 'game_full'")
  if (typeof message !== 'string')
    throw new TypeError('refuse: message must be a string that people can read')
  const { retryAfterMs } = options
  if (retryAfterMs !== undefined && !(retryAfterMs >= 0 && Number.isFinite(retryAfterMs)))
    throw new TypeError('refuse: retryAfterMs must be a number of ms, 0 or more')
  return new RoomfulError(code, { message, ...options })
}
