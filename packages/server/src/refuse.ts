import { RoomfulError } from '@roomful/protocol'

/**
 * The error to throw from a hook or handler in order to refuse a message or a join with a code and a text of your own.
 * Any other error is taken for a fault: it is logged, and the client only learns `Internal server error`.
 *
 * @example throw refuse('game_full', 'The game is full')
 */
export function refuse(
  code: string,
  message: string,
  options: { readonly retryAfterMs?: number } = {},
): RoomfulError {
  return new RoomfulError(code, { message, ...options })
}
