import { RoomfulError } from '../../api/contracts/roomful-error.js'

const RETRY_AFTER_MS = 1_000

/** Nothing was accepted, or a repeat is recognised: the same message can safely be sent again. */
export function unavailable(reason: string): RoomfulError {
  return new RoomfulError('unavailable', { retryAfterMs: RETRY_AFTER_MS, cause: new Error(reason) })
}

/** The thread ended while it had a message of the application: a second attempt could log it twice. */
export function outcomeUnknown(reason: string): RoomfulError {
  return new RoomfulError('outcome_unknown', { cause: new Error(reason) })
}
