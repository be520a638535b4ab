import { RoomfulError } from '../../api/contracts/roomful-error.js'

const RETRY_AFTER_MS = 1_000

/** The cause of an error when Redis, or enough of its replicas, did not say whether something was carried out. */
export class NoAnswer extends Error {}

/** Redis cannot do it now, or did not say in time whether it has. */
export function unavailable(cause: unknown): RoomfulError {
  return new RoomfulError('unavailable', { retryAfterMs: RETRY_AFTER_MS, cause })
}

/** Whether the operation may have been carried out anyway. */
export function isInDoubt(error: unknown): error is RoomfulError {
  return error instanceof RoomfulError && error.cause instanceof NoAnswer
}
