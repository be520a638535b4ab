import type { LogEntry, Position, Range } from '../../api/contracts/backplane.js'
import { ENTRY_OVERHEAD, entryText } from '../log/log.js'
import { toPage } from '../log/page.js'
import type { Driver, Row } from './driver.js'
import { Feed } from './feed.js'
import { Group } from './group.js'
import type { Page, ReadRequest, WrittenPage, WrittenRequest } from './requests.js'
import { type Room, Rooms } from './rooms.js'
import { numberIn, textIn } from './rows.js'
import { metaIn } from './schema.js'
import { writtenBy } from './written.js'

/** The logs in the file, read and written synchronously. */
export class Store {
  readonly feed: Feed
  readonly #rooms: Rooms

  constructor(
    private readonly driver: Driver,
    /** Client messages were recorded. */
    private readonly remembered: (count: number) => void,
  ) {
    const storeId = metaIn(driver, 'store')
    this.#rooms = new Rooms(driver, storeId)
    this.feed = new Feed(driver, storeId, this.#rooms)
  }

  writtenBy(request: WrittenRequest): WrittenPage {
    return writtenBy(this.driver, this.#rooms, request)
  }

  /** For the publishes of one transaction, which has begun. */
  group(): Group {
    return new Group(this.driver, this.#rooms, this.remembered)
  }

  read({ stream, range, since }: ReadRequest): Page {
    const room = this.#rooms.find(stream)
    const { epoch, head, oldestOffset } = room
    const entries = range.limit > 0 && room.key > 0 ? this.#entries(room, range) : []
    const page = toPage({ epoch, head, oldestOffset, entries }, range)
    return { ...page, fault: since && this.#rooms.fault(room, since) }
  }

  /** Ends a log, and begins an empty one under another epoch. Returns the new head. */
  delete(stream: string): Position {
    return this.#rooms.replace(this.#rooms.find(stream)).head
  }

  /** In the direction of reading, up to the page's bytes, but at least one. */
  #entries(room: Room, range: Range): LogEntry[] {
    const found: { offset: number; id: string; text: string }[] = []
    let left = range.maxBytes
    for (const row of this.#rowsFrom(room, range)) {
      const offset = numberIn(row, 'offset')
      const text = entryText(textIn(row, 'body'), room.epoch, offset)
      left -= Buffer.byteLength(text) + ENTRY_OVERHEAD
      if (left < 0 && found.length > 0) break
      found.push({ offset, id: textIn(row, 'id'), text })
    }
    const earlier = 'after' in range ? -1 : 1
    return found.map((entry, index) => {
      const previousId = found[index + earlier]?.id ?? this.#rooms.idAt(room, entry.offset - 1) ?? room.epoch
      return { ...entry, previousId }
    })
  }

  #rowsFrom({ key, head }: Room, range: Range): Iterable<Row> {
    const select = 'SELECT offset, id, body FROM entries WHERE room = ?'
    return 'after' in range
      ? this.driver
          .prepare(`${select} AND offset > ? ORDER BY offset LIMIT ?`)
          .iterate(key, range.after, range.limit)
      : this.driver
          .prepare(`${select} AND offset < ? ORDER BY offset DESC LIMIT ?`)
          .iterate(key, range.before ?? head.offset + 1, range.limit)
  }
}
