import { ENTRY_OVERHEAD } from '../log/log-segment.js'
import type { Driver, Row } from './driver.js'
import type { RoomRetention } from './options.js'
import { Reactors } from './reactors.js'
import { OF_ANY_KIND, type Oldest, oldestOf } from './rooms.js'
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

/** A room that lost entries, and where it begins from then on. */
export type Trimmed = readonly [stream: string, oldest: Oldest]

/** What a room keeps, as its row counts it. */
interface Kept {
  readonly room: number
  readonly name: string
  readonly head: number
  /** The first entry of the log, and the id before it. */
  oldest: number
  baseId: string
  /** The bytes of everything. */
  bytes: number
  amendments: number
  amendmentBytes: number
  older: number
  olderBytes: number
  /** The newest entry that the log has dropped just now. */
  dropped: number
}

/** An entry at the old end of a room. */
interface Old {
  readonly seq: number
  readonly offset: number
  readonly id: string
  readonly at: number
  readonly isAmendment: boolean
  readonly bytes: number
}

/**
 * Drops entries beyond the limits, always from the old end, so that a log has no holes. Messages that the log drops only
 * because there are many amendments stay for pages. Each call drops at most one batch, within a transaction of the caller.
 */
export class Trimming {
  readonly #reactors: Reactors

  constructor(private readonly driver: Driver) {
    this.#reactors = new Reactors(driver)
  }

  /** Drops a room's entries beyond its limits. Returns `undefined` if all entries may stay. */
  trimRoom(name: string, keep: RoomRetention, { wallMs, isSteady }: SweepTimes): Trimmed | undefined {
    const row = this.driver.prepare('SELECT * FROM rooms WHERE name = ?').get(name)
    const kept = row && keptOf(row)
    if (!kept) return undefined
    const {
      count = Number.POSITIVE_INFINITY,
      entries = 2 * count,
      bytes = Number.POSITIVE_INFINITY,
      ageMs = Number.POSITIVE_INFINITY,
    } = keep
    const isOld = ({ at }: Old) => isSteady && at < wallMs - ageMs
    return (
      this.#drop(kept, (old) => messagesIn(kept) > count || messageBytesIn(kept) > bytes || isOld(old)) ??
      this.#shorten(kept, () => entriesIn(kept) > entries || kept.bytes - kept.olderBytes > bytes)
    )
  }

  /**
   * Drops the oldest of the largest room; of one that amendments have made large, those. Returns `undefined` if no room has
   * entries.
   */
  trimHeaviest(): Trimmed | undefined {
    const row = this.driver
      .prepare('SELECT * FROM rooms WHERE oldest <= head OR older > 0 ORDER BY bytes DESC LIMIT 1')
      .get()
    const kept = row && keptOf(row)
    if (!kept) return undefined
    const all = () => true
    return 2 * kept.amendmentBytes > kept.bytes ? this.#shorten(kept, all) : this.#drop(kept, all)
  }

  /**
   * Removes the oldest records of client messages. An older repeat then gets `forgotten`. Returns how many were
   * removed.
   */
  forgetSent(before: number, most: number): number {
    const rows = this.driver
      .prepare('SELECT seq, room, ifnull(place, offset) AS offset, at FROM sent ORDER BY seq LIMIT ?')
      .all(Math.min(BATCH, most))
      .filter((row) => numberIn(row, 'at') < before)
    const newest = new Map(rows.map((row) => [numberIn(row, 'room'), numberIn(row, 'offset')]))
    for (const [room, offset] of newest)
      this.driver.prepare('UPDATE rooms SET forgotten = max(forgotten, ?) WHERE room = ?').run(offset, room)
    const last = rows.at(-1)
    if (last) this.driver.prepare('DELETE FROM sent WHERE seq <= ?').run(numberIn(last, 'seq'))
    return rows.length
  }

  /** Removes the marks of a room that nobody has moved for so long. */
  forgetMarks(room: number, before: number): void {
    this.driver.prepare('DELETE FROM marks WHERE room = ? AND at < ?').run(room, before)
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
    const reactions = this.#reactors.removeSome(room)
    const marks = `DELETE FROM marks WHERE room = ? AND user IN (SELECT user FROM marks WHERE room = ? LIMIT ${BATCH})`
    const unmarked = Number(this.driver.prepare(marks).run(room, room).changes)
    if (removed + forgotten + reactions + unmarked === 0)
      this.driver.prepare('DELETE FROM deleted WHERE room = ?').run(room)
    return forgotten
  }

  /** Drops the oldest entries, as long as they are too many. */
  #drop(kept: Kept, isTooMuch: (old: Old) => boolean): Trimmed | undefined {
    let last: Old | undefined
    for (const old of kept.older > 0 ? this.#older(kept) : this.#log(kept)) {
      if (!isTooMuch(old)) break
      last = old
      kept.bytes -= old.bytes
      if (old.offset >= kept.oldest) leaveLog(kept, old)
      else {
        kept.older--
        kept.olderBytes -= old.bytes
      }
    }
    if (!last) return undefined
    this.driver
      .prepare(`DELETE FROM entries WHERE room = ? AND ${OF_ANY_KIND} AND offset <= ?`)
      .run(kept.room, last.offset)
    return this.#write(kept, last.offset)
  }

  /** Drops the oldest entries from the log, as long as they are too many, and keeps those for pages that are messages. */
  #shorten(kept: Kept, isTooMuch: () => boolean): Trimmed | undefined {
    const { oldest } = kept
    for (const old of this.#log(kept)) {
      if (!isTooMuch()) break
      leaveLog(kept, old)
      if (old.isAmendment) kept.bytes -= old.bytes
      else {
        kept.older++
        kept.olderBytes += old.bytes
      }
    }
    if (kept.oldest === oldest) return undefined
    this.driver
      .prepare('DELETE FROM entries WHERE room = ? AND amends = 1 AND offset < ?')
      .run(kept.room, kept.oldest)
    return this.#write(kept)
  }

  /** @param dropped the newest message that is gone */
  #write(kept: Kept, dropped = 0): Trimmed {
    const { room, name, oldest, baseId, bytes, amendments, amendmentBytes, older, olderBytes } = kept
    this.driver
      .prepare(
        `UPDATE rooms SET oldest = ?, base_id = ?, bytes = ?, amendments = ?, amendment_bytes = ?, older = ?, older_bytes = ?
         WHERE room = ?`,
      )
      .run(oldest, baseId, bytes, amendments, amendmentBytes, older, olderBytes, room)
    this.#reactors.trim(room, { dropped, oldest })
    if (kept.dropped > Number(metaIn(this.driver, 'dropped')))
      this.driver.prepare("UPDATE meta SET value = ? WHERE name = 'dropped'").run(String(kept.dropped))
    return [name, oldestOf(this.driver, { key: room, older, oldestOffset: oldest })]
  }

  /** The oldest of the messages that are kept for pages alone. */
  #older({ room, older }: Kept): Generator<Old> {
    return this.#old(
      `${OLD} WHERE room = ? AND amends = 0 ORDER BY offset LIMIT ?`,
      room,
      Math.min(BATCH, older),
    )
  }

  #log({ room, oldest }: Kept): Generator<Old> {
    const ofKind = (amends: number) => `${OLD} WHERE room = ? AND amends = ${amends} AND offset >= ?`
    const sql = `${ofKind(0)} UNION ALL ${ofKind(1)} ORDER BY offset LIMIT ${BATCH}`
    return this.#old(sql, room, oldest, room, oldest)
  }

  /** Row by row, because reading usually ends with the first: it may stay. */
  *#old(sql: string, ...values: number[]): Generator<Old> {
    for (const row of this.driver.prepare(sql).iterate(...values))
      yield {
        seq: numberIn(row, 'seq'),
        offset: numberIn(row, 'offset'),
        id: textIn(row, 'id'),
        at: numberIn(row, 'at'),
        isAmendment: numberIn(row, 'amends') === 1,
        bytes: numberIn(row, 'bytes'),
      }
  }
}

const OLD = `SELECT seq, offset, id, at, amends, length(CAST(body AS BLOB)) + ${ENTRY_OVERHEAD} + reacted AS bytes FROM entries`

function keptOf(row: Row): Kept {
  return {
    room: numberIn(row, 'room'),
    name: textIn(row, 'name'),
    head: numberIn(row, 'head'),
    oldest: numberIn(row, 'oldest'),
    baseId: textIn(row, 'base_id'),
    bytes: numberIn(row, 'bytes'),
    amendments: numberIn(row, 'amendments'),
    amendmentBytes: numberIn(row, 'amendment_bytes'),
    older: numberIn(row, 'older'),
    olderBytes: numberIn(row, 'older_bytes'),
    dropped: 0,
  }
}

const entriesIn = ({ head, oldest }: Kept): number => head - oldest + 1
const messagesIn = (kept: Kept): number => entriesIn(kept) - kept.amendments + kept.older
const messageBytesIn = ({ bytes, amendmentBytes }: Kept): number => bytes - amendmentBytes

function leaveLog(kept: Kept, { seq, offset, id, isAmendment, bytes }: Old): void {
  kept.oldest = offset + 1
  kept.baseId = id
  kept.dropped = seq
  if (!isAmendment) return
  kept.amendments--
  kept.amendmentBytes -= bytes
}
