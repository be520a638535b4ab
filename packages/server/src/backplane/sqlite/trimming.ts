import { ENTRY_OVERHEAD } from '../log/log.js'
import type { Driver, Row } from './driver.js'
import type { RoomRetention } from './options.js'
import { numberIn, textIn } from './rows.js'
import { metaIn } from './schema.js'

/** The number of rows that one statement deletes. */
const BATCH = 200

/** The times by which an entry's age is determined. */
export interface SweepTimes {
  readonly wallMs: number
  /** False while nothing may be dropped by age, because the wall clock may be wrong. */
  readonly isSteady: boolean
}

/** A room that lost entries, and the offset of its oldest entry from then on. */
export type Trimmed = readonly [stream: string, oldestOffset: number]

/**
 * Drops entries beyond the limits, always from the old end, so that a log has no holes. Each call drops at most one
 * batch, within a transaction of the caller.
 */
export class Trimming {
  constructor(private readonly driver: Driver) {}

  /** Drops a room's entries beyond its limits. Returns its new oldest offset; `undefined` if all entries may stay. */
  trimRoom(name: string, keep: RoomRetention, { wallMs, isSteady }: SweepTimes): number | undefined {
    const row = this.driver.prepare('SELECT room, head, oldest, bytes FROM rooms WHERE name = ?').get(name)
    if (!row) return undefined
    const [room, head, oldest] = [numberIn(row, 'room'), numberIn(row, 'head'), numberIn(row, 'oldest')]
    const {
      count = Number.POSITIVE_INFINITY,
      bytes = Number.POSITIVE_INFINITY,
      ageMs = Number.POSITIVE_INFINITY,
    } = keep
    let left = numberIn(row, 'bytes')
    let last = oldest - 1
    for (const entry of this.#oldest(room)) {
      const isOld = isSteady && numberIn(entry, 'at') < wallMs - ageMs
      if (head - last <= count && left <= bytes && !isOld) break
      last = numberIn(entry, 'offset')
      left -= numberIn(entry, 'bytes')
    }
    return last < oldest ? undefined : this.#drop(room, last)
  }

  /** Drops the oldest entries of the largest room. Returns that room; `undefined` if no room has entries. */
  trimHeaviest(): Trimmed | undefined {
    const row = this.driver
      .prepare('SELECT room, name, bytes FROM rooms WHERE oldest <= head ORDER BY bytes DESC LIMIT 1')
      .get()
    if (!row) return undefined
    const room = numberIn(row, 'room')
    const last = [...this.#oldest(room)].at(-1)
    return last && [textIn(row, 'name'), this.#drop(room, numberIn(last, 'offset'))]
  }

  /**
   * Removes the oldest records of client messages. An older repeat then gets `forgotten`. Returns how many were
   * removed.
   */
  forgetSent(before: number, most: number): number {
    const rows = this.driver
      .prepare('SELECT seq, room, offset, at FROM sent ORDER BY seq LIMIT ?')
      .all(Math.min(BATCH, most))
      .filter((row) => numberIn(row, 'at') < before)
    const newest = new Map(rows.map((row) => [numberIn(row, 'room'), numberIn(row, 'offset')]))
    for (const [room, offset] of newest)
      this.driver.prepare('UPDATE rooms SET forgotten = max(forgotten, ?) WHERE room = ?').run(offset, room)
    const last = rows.at(-1)
    if (last) this.driver.prepare('DELETE FROM sent WHERE seq <= ?').run(numberIn(last, 'seq'))
    return rows.length
  }

  /** Removes rows of a stream that was deleted. Returns how many records of client messages; `undefined` if there is no such stream. */
  removeDeleted(): number | undefined {
    const row = this.driver.prepare('SELECT room FROM deleted LIMIT 1').get()
    if (!row) return undefined
    const room = numberIn(row, 'room')
    const entries = `DELETE FROM entries WHERE seq IN (SELECT seq FROM entries WHERE room = ? LIMIT ${BATCH})`
    const sent = `DELETE FROM sent WHERE seq IN (SELECT seq FROM sent WHERE room = ? LIMIT ${BATCH})`
    const [removed, forgotten] = [entries, sent].map((sql) =>
      Number(this.driver.prepare(sql).run(room).changes),
    ) as [number, number]
    if (removed + forgotten === 0) this.driver.prepare('DELETE FROM deleted WHERE room = ?').run(room)
    return forgotten
  }

  /** Row by row, because reading usually ends with the first: it may stay. */
  #oldest(room: number): Iterable<Row> {
    return this.driver
      .prepare(
        `SELECT offset, at, length(CAST(body AS BLOB)) + ${ENTRY_OVERHEAD} AS bytes FROM entries WHERE room = ? ORDER BY offset LIMIT ${BATCH}`,
      )
      .iterate(room)
  }

  /** Drops entries up to an offset. Returns the offset of the oldest one that is left. */
  #drop(room: number, last: number): number {
    const gone = this.driver
      .prepare(
        `SELECT max(seq) AS seq, sum(length(CAST(body AS BLOB)) + ${ENTRY_OVERHEAD}) AS bytes FROM entries WHERE room = ? AND offset <= ?`,
      )
      .get(room, last)
    const end = this.driver.prepare('SELECT id FROM entries WHERE room = ? AND offset = ?').get(room, last)
    if (!gone || !end) throw new Error(`the entry ${last} of room ${room} is not there`)
    this.driver.prepare('DELETE FROM entries WHERE room = ? AND offset <= ?').run(room, last)
    this.driver
      .prepare('UPDATE rooms SET oldest = ?, base_id = ?, bytes = bytes - ? WHERE room = ?')
      .run(last + 1, textIn(end, 'id'), numberIn(gone, 'bytes'), room)
    const dropped = Math.max(Number(metaIn(this.driver, 'dropped')), numberIn(gone, 'seq'))
    this.driver.prepare("UPDATE meta SET value = ? WHERE name = 'dropped'").run(String(dropped))
    return last + 1
  }
}
