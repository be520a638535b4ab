import type { AnyProtocol, Change } from '../../api/api.js'
import type { FeedEntry } from '../../api/contracts/change-feed.js'
import { cursorText } from '../../api/contracts/cursor.js'
import { roomOf } from '../rooms/room.js'

/** Turns an entry of the feed into a change for the application. */
export function changeOf({ stream, epoch, entry, timestampMs, cursor }: FeedEntry): Change<AnyProtocol> {
  return {
    ...roomOf(stream),
    message: JSON.parse(entry.text) as Change<AnyProtocol>['message'],
    position: { epoch, offset: entry.offset, id: entry.id },
    timestampMs,
    cursor: cursorText(cursor),
  }
}
