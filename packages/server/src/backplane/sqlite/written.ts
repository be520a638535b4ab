import { entryText } from '../log/log.js'
import type { Driver } from './driver.js'
import type { WrittenPage, WrittenRequest } from './requests.js'
import type { Rooms } from './rooms.js'
import { numberIn, textIn } from './rows.js'

/** Entries that one page looks through: a few ms, since there is no index of authors. */
const WINDOW = 2_000
const PAGE_BYTES = 1024 * 1024

/**
 * Reads what a user wrote, as an erasure would find it: in every stream but the user's own, chat messages in their present
 * state, those of others whose present text is the user's, edits and deletions.
 */
export function writtenBy(driver: Driver, rooms: Rooms, { user, after }: WrittenRequest): WrittenPage {
  const window = driver
    .prepare(
      `SELECT max(seq) AS last, count(*) AS entries FROM (SELECT seq FROM entries WHERE seq > ? ORDER BY seq LIMIT ${WINDOW})`,
    )
    .get(after)
  if (!window || numberIn(window, 'entries') === 0) return { texts: [], next: undefined }
  const last = numberIn(window, 'last')
  const rows = driver
    .prepare(
      `SELECT seq, offset, body, name FROM entries JOIN rooms ON rooms.room = entries.room
       WHERE seq > ? AND seq <= ? AND (author = ? OR editor = ?) AND name <> ? ORDER BY seq`,
    )
    .iterate(after, last, user, user, `@user:${user}`)
  const epochs = new Map<string, string>()
  const texts: string[] = []
  let left = PAGE_BYTES
  for (const row of rows) {
    const name = textIn(row, 'name')
    const epoch = epochs.get(name) ?? rooms.find(name).epoch
    epochs.set(name, epoch)
    const text = entryText(textIn(row, 'body'), epoch, numberIn(row, 'offset'))
    texts.push(text)
    left -= Buffer.byteLength(text)
    if (left < 0) return { texts, next: numberIn(row, 'seq') }
  }
  return { texts, next: last }
}
