import { isRoomId, OWN_STREAM } from '@roomful/protocol/wire'
import { RoomfulError } from '../contracts/roomful-error.js'

/** @throws RoomfulError `invalid_room` */
export function assertRoomId(id: unknown): asserts id is string {
  if (isRoomId(id) && id !== OWN_STREAM) return
  const roomId = typeof id === 'string' ? id : undefined
  throw new RoomfulError('invalid_room', { message: `Invalid room_id: ${shown(id)}`, roomId })
}

/** Names that begin with `@` are the server's, such as `@server`. */
export function isUserId(id: unknown): id is string {
  return typeof id === 'string' && id !== '' && !id.startsWith('@')
}

/** @throws TypeError */
export function assertUserId(id: unknown): asserts id is string {
  if (isUserId(id)) return
  throw new TypeError(`A user id is a string that is not empty and does not begin with '@', not ${shown(id)}`)
}

/** For an error message. A value that is not a string may have no JSON form. */
function shown(id: unknown): string {
  return typeof id === 'string' ? JSON.stringify(id) : `of type ${typeof id}`
}
