import { createHash } from 'node:crypto'
import type { Break, Position } from '../../api/contracts/backplane.js'
import { hasLost, resumeFault } from '../log/log.js'
import type { Driver, Row } from './driver.js'
import { numberIn, textIn } from './rows.js'

/** A stream's row, or the values that it would have. */
export interface Room {
  /** 0 if there is no row, which an empty room does not need. */
  readonly key: number
  readonly name: string
  readonly epoch: string
  readonly generation: number
  readonly head: Position
  /** Of the log. */
  readonly oldestOffset: number
  readonly baseId: string
  readonly forgotten: number
  /** How many of the log's entries are amendments. */
  readonly amendments: number
  /** How many messages before the log are kept for pages. */
  readonly older: number
}

/** Where a room begins. The offset of what comes next, if nothing is left. */
export interface Oldest {
  /** The oldest entry in the log. */
  readonly entry: number
  /** The oldest that a page of messages shows: it may be older than the log. */
  readonly message: number
}

/** What was added to a log. */
export interface Growth {
  readonly bytes: number
  readonly amendments: number
  readonly amendmentBytes: number
}

/** In a condition, since offsets come after the kind in the index. */
export const OF_ANY_KIND = 'amends IN (0, 1)'

export class Rooms {
  constructor(
    private readonly driver: Driver,
    private readonly storeId: string,
  ) {}

  find(name: string): Room {
    const row = this.driver
      .prepare(
        'SELECT room, generation, head, head_id, oldest, base_id, forgotten, amendments, older FROM rooms WHERE name = ?',
      )
      .get(name)
    return row ? this.#room(row, name) : this.#empty(name)
  }

  /** Returns the room with a row, so that entries can refer to it. */
  withRow(room: Room): Room {
    if (room.key > 0) return room
    const { name, epoch } = room
    const insert = this.driver.prepare(
      'INSERT INTO rooms (room, name, generation, head, head_id, oldest, base_id, bytes, forgotten) VALUES (?, ?, 0, 0, ?, 1, ?, 0, 0)',
    )
    const key = this.#freshKey()
    insert.run(key, name, epoch, epoch)
    return { ...room, key }
  }

  /** Writes the new head of a room that has grown. */
  advance({ key, head }: Room, { bytes, amendments, amendmentBytes }: Growth): void {
    this.driver
      .prepare('UPDATE rooms SET head = ?, head_id = ?, bytes = bytes + ? WHERE room = ?')
      .run(head.offset, head.id, bytes, key)
    if (amendments > 0)
      this.driver
        .prepare(
          'UPDATE rooms SET amendments = amendments + ?, amendment_bytes = amendment_bytes + ? WHERE room = ?',
        )
        .run(amendments, amendmentBytes, key)
  }

  /** Counts what a text takes since another was put in its place. */
  resize(key: number, { offset, amends, added }: { offset: number; amends: number; added: number }): void {
    this.driver
      .prepare(
        `UPDATE rooms SET bytes = bytes + ?, amendment_bytes = amendment_bytes + ?,
         older_bytes = older_bytes + iif(? < oldest, ?, 0) WHERE room = ?`,
      )
      .run(added, amends * added, offset, added, key)
  }

  /** Begins a new generation at once; the rows of the old one are removed in steps. Returns the new, empty room. */
  replace({ key, name, generation }: Room): Room {
    if (key === 0) return this.#empty(name)
    this.driver.prepare('INSERT INTO deleted (room) VALUES (?)').run(key)
    this.driver.prepare('DELETE FROM rooms WHERE room = ?').run(key)
    const next = this.#epoch(name, generation + 1)
    this.driver
      .prepare(
        'INSERT INTO rooms (room, name, generation, head, head_id, oldest, base_id, bytes, forgotten) VALUES (?, ?, ?, 0, ?, 1, ?, 0, 0)',
      )
      .run(this.#freshKey(), name, generation + 1, next, next)
    return this.find(name)
  }

  /** Avoids the key of a row that is still to be removed, which SQLite would assign again. */
  #freshKey(): number {
    const row = this.driver
      .prepare(
        'SELECT max(ifnull((SELECT max(room) FROM rooms), 0), ifnull((SELECT max(room) FROM deleted), 0)) + 1 AS room',
      )
      .get()
    return numberIn(row ?? {}, 'room')
  }

  oldest(room: Room): Oldest {
    return oldestOf(this.driver, room)
  }

  /** The id at an offset, if all later entries are still in the log. */
  idAt({ key, head, oldestOffset, baseId }: Room, offset: number): string | undefined {
    if (offset === head.offset) return head.id
    if (offset === oldestOffset - 1) return baseId
    if (offset < oldestOffset || offset > head.offset) return undefined
    const row = this.driver
      .prepare(`SELECT id FROM entries WHERE room = ? AND ${OF_ANY_KIND} AND offset = ?`)
      .get(key, offset)
    return row && textIn(row, 'id')
  }

  hasLost(room: Room, entry: Position): boolean {
    return hasLost(this.#log(room), entry)
  }

  fault(room: Room, since: Position): Break | undefined {
    return resumeFault(this.#log(room), since)
  }

  #log(room: Room) {
    return { epoch: room.epoch, head: room.head, idAt: (offset: number) => this.idAt(room, offset) }
  }

  #room(row: Row, name: string): Room {
    const generation = numberIn(row, 'generation')
    const epoch = this.#epoch(name, generation)
    return {
      key: numberIn(row, 'room'),
      name,
      epoch,
      generation,
      head: { epoch, offset: numberIn(row, 'head'), id: textIn(row, 'head_id') },
      oldestOffset: numberIn(row, 'oldest'),
      baseId: textIn(row, 'base_id'),
      forgotten: numberIn(row, 'forgotten'),
      amendments: numberIn(row, 'amendments'),
      older: numberIn(row, 'older'),
    }
  }

  #empty(name: string): Room {
    const epoch = this.#epoch(name, 0)
    const head = { epoch, offset: 0, id: epoch }
    const nothing = { oldestOffset: 1, baseId: epoch, forgotten: 0, amendments: 0, older: 0 }
    return { key: 0, name, epoch, generation: 0, head, ...nothing }
  }

  /** The epoch is the same after every restart, even for a room without a row, and differs for each generation. */
  #epoch(name: string, generation: number): string {
    const hash = createHash('sha256').update(`${this.storeId}\n${generation}\n${name}`)
    return hash.digest('base64url').slice(0, 22)
  }
}

export function oldestOf(
  driver: Driver,
  { key, older, oldestOffset: entry }: Pick<Room, 'key' | 'older' | 'oldestOffset'>,
): Oldest {
  if (older === 0) return { entry, message: entry }
  const row = driver
    .prepare('SELECT offset FROM entries WHERE room = ? AND amends = 0 ORDER BY offset LIMIT 1')
    .get(key)
  return { entry, message: numberIn(row ?? {}, 'offset') }
}
