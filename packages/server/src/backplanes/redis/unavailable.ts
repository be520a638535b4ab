import { RoomfulError } from '@roomful/protocol'

const RETRY_AFTER_MS = 1_000

/** Redis cannot do it now, or did not say in time whether it has. */
export function unavailable(cause: unknown): RoomfulError {
  return new RoomfulError('unavailable', { retryAfterMs: RETRY_AFTER_MS, cause })
}
