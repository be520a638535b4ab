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
  readonly oldestOffset: number
  readonly baseId: string
  readonly forgotten: number
}

export class Rooms {
  constructor(
    private readonly driver: Driver,
    private readonly storeId: string,
  ) {}

  find(name: string): Room {
    const row = this.driver.prepare('SELECT * FROM rooms WHERE name = ?').get(name)
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
  advance({ key, head }: Room, bytes: number): void {
    this.driver
      .prepare('UPDATE rooms SET head = ?, head_id = ?, bytes = bytes + ? WHERE room = ?')
      .run(head.offset, head.id, bytes, key)
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

  /** The id at an offset, if all later entries are still in the log. */
  idAt({ key, head, oldestOffset, baseId }: Room, offset: number): string | undefined {
    if (offset === head.offset) return head.id
    if (offset === oldestOffset - 1) return baseId
    if (offset < oldestOffset || offset > head.offset) return undefined
    const row = this.driver.prepare('SELECT id FROM entries WHERE room = ? AND offset = ?').get(key, offset)
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
    }
  }

  #empty(name: string): Room {
    const epoch = this.#epoch(name, 0)
    const head = { epoch, offset: 0, id: epoch }
    return { key: 0, name, epoch, generation: 0, head, oldestOffset: 1, baseId: epoch, forgotten: 0 }
  }

  /** The epoch is the same after every restart, even for a room without a row, and differs for each generation. */
  #epoch(name: string, generation: number): string {
    const hash = createHash('sha256').update(`${this.storeId}\n${generation}\n${name}`)
    return hash.digest('base64url').slice(0, 22)
  }
}
