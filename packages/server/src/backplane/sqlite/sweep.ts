import type { Driver } from './driver.js'
import type { SweepReply, SweepRequest } from './requests.js'
import type { RestrictionTable } from './restriction-table.js'
import { numberIn, textIn } from './rows.js'
import { pragma } from './schema.js'
import { type SweepTimes, type Trimmed, Trimming } from './trimming.js'

export interface SweepBounds {
  readonly dedupeMs: number
  readonly dedupeCount: number
  readonly maxFileBytes: number
  readonly marksMs: number
}

/** The longest time for which one sweep may delay messages. */
const SWEEP_MS = 5
/** A repeat that was sent within the window may travel for as long as a dead connection goes unnoticed. */
const IN_TRANSIT_MS = 60_000
/** The number of rooms whose names one sweep reads. */
const NAMES = 200
/** From this share of `maxFileBytes` on, the log says that the file is nearly full. */
const NEARLY = 0.8

/** Keeps the file within its limits, a few ms at a time, within a transaction of the caller. */
export class Sweep {
  readonly #trimming: Trimming
  #lastRoom = 0
  #sent: number

  constructor(
    private readonly driver: Driver,
    private readonly bounds: SweepBounds,
    private readonly restrictions: RestrictionTable,
    private readonly now: () => number,
  ) {
    this.#trimming = new Trimming(driver)
    this.#sent = numberIn(driver.prepare('SELECT count(*) AS sent FROM sent').get() ?? {}, 'sent')
  }

  /** Counts records of client messages that were written. */
  remembered(count: number): void {
    this.#sent += count
  }

  run({ keep, times }: SweepRequest): SweepReply {
    const until = this.now() + SWEEP_MS
    const trimmed: Trimmed[] = []
    const inTime = () => this.now() < until
    let isBusy = false
    const repeat = (step: () => boolean) => {
      while (inTime() && step()) isBusy = true
    }
    for (const [name, retention] of keep) {
      repeat(() => {
        const room = this.#trimming.trimRoom(name, retention, times)
        if (room) trimmed.push(room)
        return room !== undefined
      })
    }
    repeat(() => this.removeDeleted())
    if (times.isSteady) {
      repeat(() => this.#forget(times.wallMs - this.bounds.dedupeMs - IN_TRANSIT_MS, this.#sent))
      repeat(() => this.restrictions.removeEnded(times.wallMs))
    }
    repeat(() => this.#forget(Number.POSITIVE_INFINITY, this.#sent - this.bounds.dedupeCount))
    repeat(() => {
      const heaviest =
        this.#usedBytes() > this.bounds.maxFileBytes ? this.#trimming.trimHeaviest() : undefined
      if (heaviest) trimmed.push(heaviest)
      return heaviest !== undefined
    })
    const isNearlyFull = this.#usedBytes() > NEARLY * this.bounds.maxFileBytes
    return { trimmed, names: this.#nextNames(times), isBusy: isBusy && !inTime(), isNearlyFull }
  }

  /** Removes rows of a stream that was deleted. Returns whether there was one. */
  removeDeleted(): boolean {
    const forgotten = this.#trimming.removeDeleted()
    // Counted on, they would make others be forgotten too early.
    this.#sent -= forgotten ?? 0
    return forgotten !== undefined
  }

  #forget(before: number, most: number): boolean {
    const forgotten = most > 0 ? this.#trimming.forgetSent(before, most) : 0
    this.#sent -= forgotten
    return forgotten > 0
  }

  /** Excludes free pages, which are reused before the file grows. */
  #usedBytes(): number {
    const { driver } = this
    return (pragma(driver, 'page_count') - pragma(driver, 'freelist_count')) * pragma(driver, 'page_size')
  }

  /** The next rooms, in a cycle. Their marks are due, too. */
  #nextNames({ wallMs, isSteady }: SweepTimes): string[] {
    const rows = this.driver
      .prepare('SELECT room, name FROM rooms WHERE room > ? ORDER BY room LIMIT ?')
      .all(this.#lastRoom, NAMES)
    const last = rows.at(-1)
    this.#lastRoom = last && rows.length === NAMES ? numberIn(last, 'room') : 0
    if (isSteady)
      for (const row of rows) this.#trimming.forgetMarks(numberIn(row, 'room'), wallMs - this.bounds.marksMs)
    return rows.map((row) => textIn(row, 'name'))
  }
}
