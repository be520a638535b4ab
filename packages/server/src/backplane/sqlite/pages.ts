import type { LogEntry, LogPage, Range } from '../../api/contracts/backplane.js'
import { entryText } from '../log/log.js'
import { ENTRY_OVERHEAD } from '../log/log-segment.js'
import { type PageMessage, pageOfMessages, toPage } from '../log/page.js'
import type { Driver, Row } from './driver.js'
import type { Oldest, Room, Rooms } from './rooms.js'
import { numberIn, textIn } from './rows.js'

const COLUMNS = 'offset, id, body'

/** Reads pages of logs, without a step over what they leave out. */
export class Pages {
  constructor(
    private readonly driver: Driver,
    private readonly rooms: Rooms,
  ) {}

  read(room: Room, range: Range): LogPage & { readonly oldest: Oldest } {
    const oldest = this.rooms.oldest(room)
    const isPlain = room.amendments + room.older === 0
    const page = range.messagesOnly && !isPlain ? this.#messages(room, range, oldest) : this.#log(room, range)
    return { ...page, entries: this.#linked(room, page.entries), oldest }
  }

  #messages(room: Room, range: Range, { message: oldestOffset }: Oldest): LogPage {
    const { epoch, head } = room
    const messages = (first: number, step: 1 | -1) => this.#messagesFrom(room, first, step, range.limit)
    return pageOfMessages({ log: { epoch, head, messages }, oldestOffset }, range)
  }

  /** One more than the page may hold, which shows whether there are more. */
  *#messagesFrom(room: Room, first: number, step: 1 | -1, limit: number): Generator<PageMessage> {
    const order = step === 1 ? 'offset >= ? ORDER BY offset' : 'offset <= ? ORDER BY offset DESC'
    const rows = this.driver
      .prepare(`SELECT ${COLUMNS} FROM entries WHERE room = ? AND amends = 0 AND ${order} LIMIT ?`)
      .iterate(room.key, first, limit + 1)
    for (const row of rows) {
      const entry = entryOf(room, row)
      yield { offset: entry.offset, bytes: Buffer.byteLength(entry.text), entry: () => entry }
    }
  }

  #log(room: Room, range: Range): LogPage {
    const { epoch, head, oldestOffset } = room
    const entries = range.limit > 0 && room.key > 0 ? this.#entries(room, range) : []
    return toPage({ epoch, head, oldestOffset, entries }, range)
  }

  /** In the direction of reading, up to the page's bytes, but at least one. */
  #entries(room: Room, range: Range): LogEntry[] {
    const found: LogEntry[] = []
    let left = range.maxBytes
    for (const row of this.#rowsFrom(room, range)) {
      const entry = entryOf(room, row)
      left -= Buffer.byteLength(entry.text) + ENTRY_OVERHEAD
      if (left < 0 && found.length > 0) break
      found.push(entry)
    }
    return found
  }

  /** Of the two kinds, each in the order of its index; SQLite merges them. */
  #rowsFrom({ key, head, oldestOffset, amendments }: Room, range: Range): Iterable<Row> {
    const [low, high, order] =
      'after' in range
        ? [Math.max(range.after + 1, oldestOffset), head.offset, 'offset']
        : [oldestOffset, Math.min((range.before ?? Number.POSITIVE_INFINITY) - 1, head.offset), 'offset DESC']
    const ofKind = (amends: number) =>
      `SELECT ${COLUMNS} FROM entries WHERE room = ? AND amends = ${amends} AND offset BETWEEN ? AND ?`
    if (amendments === 0)
      return this.driver
        .prepare(`${ofKind(0)} ORDER BY ${order} LIMIT ?`)
        .iterate(key, low, high, range.limit)
    return this.driver
      .prepare(`${ofKind(0)} UNION ALL ${ofKind(1)} ORDER BY ${order} LIMIT ?`)
      .iterate(key, low, high, key, low, high, range.limit)
  }

  /** Adds the ids of the entries before, which may not be in the page. */
  #linked(room: Room, entries: readonly LogEntry[]): LogEntry[] {
    return entries.map((entry, index) => {
      const before = entries[index - 1]
      const isNext = before?.offset === entry.offset - 1
      const previousId = isNext ? before.id : this.rooms.idAt(room, entry.offset - 1)
      return { ...entry, previousId: previousId ?? room.epoch }
    })
  }
}

function entryOf({ epoch }: Room, row: Row): LogEntry {
  const offset = numberIn(row, 'offset')
  const text = entryText(textIn(row, 'body'), epoch, offset)
  return { offset, id: textIn(row, 'id'), previousId: '', text }
}
