import type { Backplane } from '../../api/contracts/backplane.js'
import { RoomfulError } from '../../api/contracts/roomful-error.js'

/** Says for how long, unless it does not end by itself. */
export function restrictionError(code: 'muted' | 'banned', forMs: number, roomId?: string): RoomfulError {
  const retryAfterMs = Number.isFinite(forMs) ? Math.ceil(forMs) : undefined
  return new RoomfulError(code, { retryAfterMs, roomId })
}

/** Why a user may not enter a room. */
export async function bannedIn(
  { restrictions }: Backplane,
  roomId: string,
  userId: string,
): Promise<RoomfulError | undefined> {
  const forMs = await restrictions?.bannedFor(roomId, userId)
  return forMs === undefined ? undefined : restrictionError('banned', forMs, roomId)
}
