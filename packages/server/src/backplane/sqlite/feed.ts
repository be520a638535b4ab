import type { Break, Position } from '../../api/contracts/backplane.js'
import type { FeedEntry, FeedPage } from '../../api/contracts/change-feed.js'
import { entryText } from '../log/log.js'
import type { Driver, Row } from './driver.js'
import type { AgainRequest, FeedRequest } from './requests.js'
import type { Rooms } from './rooms.js'
import { numberIn, textIn } from './rows.js'
import { metaIn } from './schema.js'

const ROWS = 'SELECT seq, offset, id, at, body, name FROM entries JOIN rooms ON rooms.room = entries.room'

/** All entries of the file in the order of their commits, and how far its consumers have read. */
export class Feed {
  constructor(
    private readonly driver: Driver,
    private readonly storeId: string,
    private readonly rooms: Rooms,
  ) {}

  read({ after, limit, maxBytes }: FeedRequest): FeedPage {
    const head = this.#head()
    const dropped = Number(metaIn(this.driver, 'dropped'))
    const fault = after && this.#fault(after, head, dropped)
    if (fault) return { entries: [], more: false, fault, head }
    const entries: FeedEntry[] = []
    let left = maxBytes
    for (const row of this.#rowsAfter(after?.offset ?? dropped, limit)) {
      const entry = this.#entry(row)
      left -= Buffer.byteLength(entry.entry.text)
      if (left < 0 && entries.length > 0) break
      entries.push(entry)
    }
    const last = entries.at(-1)?.cursor.offset ?? after?.offset ?? dropped
    return { entries, more: last < head.offset, fault: undefined, head }
  }

  again({ cursors }: AgainRequest): readonly FeedEntry[] {
    const one = this.driver.prepare(`${ROWS} WHERE seq = ?`)
    return cursors.flatMap(({ epoch, offset, id }) => {
      const row = epoch === this.storeId ? one.get(offset) : undefined
      return row && textIn(row, 'id') === id ? [this.#entry(row)] : []
    })
  }

  cursorOf(consumer: string): Position | undefined {
    const row = this.driver.prepare('SELECT seq, id FROM consumers WHERE name = ?').get(consumer)
    return row && { epoch: this.storeId, offset: numberIn(row, 'seq'), id: textIn(row, 'id') }
  }

  keepCursor(consumer: string, { offset, id }: Position): void {
    this.driver
      .prepare('INSERT OR REPLACE INTO consumers (name, seq, id) VALUES (?, ?, ?)')
      .run(consumer, offset, id)
  }

  #head(): Position {
    const row = this.driver.prepare('SELECT seq, id FROM entries ORDER BY seq DESC LIMIT 1').get()
    const epoch = this.storeId
    return row
      ? { epoch, offset: numberIn(row, 'seq'), id: textIn(row, 'id') }
      : { epoch, offset: 0, id: epoch }
  }

  #fault({ epoch, offset, id }: Position, head: Position, dropped: number): Break | undefined {
    if (epoch !== this.storeId) return 'epoch_changed'
    if (offset === 0 && id === epoch) return dropped > 0 ? 'expired' : undefined
    const row = this.driver.prepare('SELECT id FROM entries WHERE seq = ?').get(offset)
    if (row && textIn(row, 'id') !== id) return 'forked'
    if (offset < dropped) return 'expired'
    if (row) return undefined
    // The entry at the cursor was deleted with its room; all entries after it are here.
    return offset > Math.max(head.offset, dropped, this.#lastSeq()) ? 'forked' : undefined
  }

  /** The last number that was ever assigned. */
  #lastSeq(): number {
    const row = this.driver.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'entries'").get()
    return row ? numberIn(row, 'seq') : 0
  }

  #rowsAfter(seq: number, limit: number): Iterable<Row> {
    return this.driver.prepare(`${ROWS} WHERE seq > ? ORDER BY seq LIMIT ?`).iterate(seq, limit)
  }

  #entry(row: Row): FeedEntry {
    const stream = textIn(row, 'name')
    const room = this.rooms.find(stream)
    const [offset, id] = [numberIn(row, 'offset'), textIn(row, 'id')]
    const previousId = this.rooms.idAt(room, offset - 1) ?? room.epoch
    const text = entryText(textIn(row, 'body'), room.epoch, offset)
    const entry = { offset, id, previousId, text }
    const cursor = { epoch: this.storeId, offset: numberIn(row, 'seq'), id }
    return { stream, epoch: room.epoch, entry, timestampMs: numberIn(row, 'at'), cursor }
  }
}
