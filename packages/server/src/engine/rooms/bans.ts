import type { Backplane } from '../../api/contracts/backplane.js'
import { RoomfulError } from '../../api/contracts/roomful-error.js'

/** Says for how long, unless it does not end by itself. */
export function restrictionError(code: 'muted' | 'banned', forMs: number, roomId?: string): RoomfulError {
  const retryAfterMs = Number.isFinite(forMs) ? Math.ceil(forMs) : undefined
  return new RoomfulError(code, { retryAfterMs, roomId })
}

/** Why a user may not enter a room, or the whole server. */
export async function bannedIn(
  { restrictions }: Backplane,
  stream: string,
  userId: string,
): Promise<RoomfulError | undefined> {
  const forMs = await restrictions?.bannedFor(stream, userId)
  if (forMs === undefined) return undefined
  return restrictionError('banned', forMs, stream.startsWith('@') ? undefined : stream)
}
