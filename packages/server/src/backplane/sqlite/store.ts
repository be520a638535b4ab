import type { Idempotency, LogEntry, Position, Range, Sender } from '../../api/contracts/backplane.js'
import { ENTRY_OVERHEAD, entryText } from '../log/log.js'
import { toPage } from '../log/page.js'
import type { Driver, Row } from './driver.js'
import { Feed } from './feed.js'
import type { Page, PublishOutcome, PublishRequest, ReadRequest } from './requests.js'
import { type Room, Rooms } from './rooms.js'
import { numberIn, textIn } from './rows.js'
import { metaIn } from './schema.js'

/**
 * The logs in the file, read and written synchronously. The caller of `publish` has begun a transaction. Dedupe,
 * `after` and offset are decided in it, message by message, so two repeats in one group become one message.
 */
export class Store {
  readonly feed: Feed
  readonly #rooms: Rooms

  constructor(
    private readonly driver: Driver,
    /** A client's message was recorded. */
    private readonly remembered: () => void,
  ) {
    const storeId = metaIn(driver, 'store')
    this.#rooms = new Rooms(driver, storeId)
    this.feed = new Feed(driver, storeId, this.#rooms)
  }

  publish(request: PublishRequest): PublishOutcome {
    const room = this.#rooms.find(request.stream)
    return this.#earlier(room, request) ?? this.#append(this.#rooms.open(room), request)
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

  /** The outcome of a message that does not go into the log. */
  #earlier(room: Room, { sender, idempotency }: PublishRequest): PublishOutcome | undefined {
    const known = sender ? this.#sent(room, sender) : idempotency && this.#keyed(room, idempotency)
    if (known) {
      const isSame = numberIn(known, 'fingerprint') === (sender ?? idempotency)?.fingerprint
      return isSame ? duplicateOf(room, known) : { status: 'conflict' }
    }
    const { seen, after } = sender ?? {}
    if (seen !== undefined && seen < room.forgotten) return { status: 'forgotten' }
    return after && this.#rooms.hasLost(room, after) ? { status: 'out_of_order' } : undefined
  }

  #sent({ key }: Room, { userId, clientId }: Sender): Row | undefined {
    return this.driver
      .prepare('SELECT fingerprint, offset, id, at FROM sent WHERE room = ? AND user = ? AND client_id = ?')
      .get(key, userId, clientId)
  }

  #keyed({ key }: Room, idempotency: Idempotency): Row | undefined {
    return this.driver
      .prepare('SELECT fingerprint, offset, id, at FROM entries WHERE room = ? AND key = ?')
      .get(key, idempotency.key)
  }

  #append(room: Room, request: PublishRequest): PublishOutcome {
    const { id, open, timestampMs, author, sender, idempotency } = request
    const offset = room.head.offset + 1
    const { lastInsertRowid } = this.driver
      .prepare(
        'INSERT INTO entries (room, offset, id, author, at, key, fingerprint, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      )
      .run(
        room.key,
        offset,
        id,
        author ?? null,
        timestampMs,
        idempotency?.key ?? null,
        idempotency?.fingerprint ?? null,
        open,
      )
    if (sender) this.#remember(Number(lastInsertRowid), room, offset, sender, request)
    this.#rooms.advance(room, offset, id, Buffer.byteLength(open) + ENTRY_OVERHEAD)
    const position = { epoch: room.epoch, offset, id }
    return { status: 'accepted', position, previousId: room.head.id, duplicate: false, timestampMs }
  }

  #remember(
    seq: number,
    room: Room,
    offset: number,
    sender: Sender,
    { id, timestampMs }: PublishRequest,
  ): void {
    const { userId, clientId, fingerprint } = sender
    this.driver
      .prepare(
        'INSERT INTO sent (seq, room, user, client_id, fingerprint, offset, id, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      )
      .run(seq, room.key, userId, clientId, fingerprint, offset, id, timestampMs)
    this.remembered()
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

function duplicateOf({ epoch }: Room, sent: Row): PublishOutcome {
  const position = { epoch, offset: numberIn(sent, 'offset'), id: textIn(sent, 'id') }
  return {
    status: 'accepted',
    position,
    previousId: '',
    duplicate: true,
    timestampMs: numberIn(sent, 'at'),
  }
}
