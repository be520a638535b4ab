import type { Position } from '../../api/contracts/log.js'
import type { Reader, Reading, UserMark } from '../../api/contracts/marks.js'
import { countUnread, MOST_LOOKED_AT } from '../log/unread.js'
import type { Driver, Row } from './driver.js'
import type { WrittenPage } from './requests.js'
import type { Room, Rooms } from './rooms.js'
import { numberIn, textIn } from './rows.js'
import type { Texts } from './texts.js'

/** How much older than its last move a mark may seem, so that most moves change no index. */
const COARSE_MS = 3_600_000

/** How many of a user's marks are read at once. */
const PAGE = 1_000

interface Found {
  readonly offset: number
  readonly id: string
  readonly at: number
}

/** Up to where users have read, within a transaction of the caller for whatever writes. */
export class Marks {
  constructor(
    private readonly driver: Driver,
    private readonly rooms: Rooms,
    private readonly texts: Texts,
    private readonly most: number,
  ) {}

  move(stream: string, reader: Reader, to: Position, at: number): Reading & { readonly moved: boolean } {
    const room = this.rooms.find(stream)
    const known = this.#find(room, reader.userId)
    const moved = to.offset > (known?.offset ?? 0) && this.#isThere(room, to)
    if (moved) this.#put(room, reader.userId, { ...to, at }, known)
    return { ...this.#reading(room, reader), moved }
  }

  reading(stream: string, reader: Reader): Reading {
    return this.#reading(this.rooms.find(stream), reader)
  }

  list(stream: string, most: number): readonly UserMark[] {
    const { key, epoch } = this.rooms.find(stream)
    return this.driver
      .prepare('SELECT user, offset, id FROM marks WHERE room = ? ORDER BY at DESC LIMIT ?')
      .all(key, most)
      .map((row) => ({ userId: textIn(row, 'user'), mark: markIn(row, epoch) }))
  }

  /** A user's marks, as JSON texts, in the rooms after one. */
  of(user: string, after: number): WrittenPage {
    const rows = this.driver
      .prepare(
        `SELECT marks.room, name, offset, id FROM marks JOIN rooms ON rooms.room = marks.room
         WHERE user = ? AND marks.room > ? ORDER BY marks.room LIMIT ${PAGE}`,
      )
      .all(user, after)
    const texts = rows.map((row) => {
      const name = textIn(row, 'name')
      const place = markIn(row, this.rooms.find(name).epoch)
      return JSON.stringify({ type: 'read_marked', room_id: roomIdOf(name), user_id: user, ...place })
    })
    const last = rows.length === PAGE ? rows.at(-1) : undefined
    return { texts, next: last && numberIn(last, 'room') }
  }

  /** The user has written this entry, or one of the same transaction before it. */
  wrote(room: Room, userId: string, entry: Found): void {
    this.#put(room, userId, entry, this.#find(room, userId))
  }

  #isThere(room: Room, { epoch, offset, id }: Position): boolean {
    if (epoch !== room.epoch) return false
    return this.rooms.idAt(room, offset) === id || this.texts.message(room, offset)?.id === id
  }

  #find({ key }: Room, userId: string): Found | undefined {
    const row = this.driver
      .prepare('SELECT offset, id, at FROM marks WHERE room = ? AND user = ?')
      .get(key, userId)
    return row && { offset: numberIn(row, 'offset'), id: textIn(row, 'id'), at: numberIn(row, 'at') }
  }

  #put({ key }: Room, userId: string, { offset, id, at }: Found, known: Found | undefined): void {
    if (known && Math.abs(at - known.at) < COARSE_MS) {
      this.driver
        .prepare('UPDATE marks SET offset = ?, id = ? WHERE room = ? AND user = ?')
        .run(offset, id, key, userId)
      return
    }
    this.driver
      .prepare('INSERT OR REPLACE INTO marks (room, user, offset, id, at) VALUES (?, ?, ?, ?, ?)')
      .run(key, userId, offset, id, at)
    if (!known) this.#dropTooMany(key)
  }

  #dropTooMany(room: number): void {
    const row = this.driver.prepare('SELECT count(*) AS marks FROM marks WHERE room = ?').get(room)
    const tooMany = numberIn(row ?? {}, 'marks') - this.most
    if (tooMany <= 0) return
    this.driver
      .prepare(
        'DELETE FROM marks WHERE room = ? AND user IN (SELECT user FROM marks WHERE room = ? ORDER BY at LIMIT ?)',
      )
      .run(room, room, tooMany)
  }

  #reading(room: Room, reader: Reader): Reading {
    const known = this.#find(room, reader.userId)
    const mark = known && { epoch: room.epoch, offset: known.offset, id: known.id }
    return { mark, head: room.head, ...countUnread(this.#textsAbove(room, mark?.offset ?? 0), reader) }
  }

  *#textsAbove({ key }: Room, offset: number): Generator<string> {
    const rows = this.driver
      .prepare(
        `SELECT body FROM entries WHERE room = ? AND amends = 0 AND offset > ? ORDER BY offset DESC LIMIT ${MOST_LOOKED_AT}`,
      )
      .iterate(key, offset)
    for (const row of rows) yield `${textIn(row, 'body')}}`
  }
}

/** As the user's clients name the room. */
function roomIdOf(stream: string): string {
  return stream.startsWith('@user:') ? '@me' : stream
}

function markIn(row: Row, epoch: string): Position {
  return { epoch, offset: numberIn(row, 'offset'), id: textIn(row, 'id') }
}
