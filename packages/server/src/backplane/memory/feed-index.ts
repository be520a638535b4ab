import type { Break, Position } from '../../api/contracts/backplane.js'
import type { FeedEntry, FeedPage } from '../../api/contracts/change-feed.js'
import type { RoomLog } from '../log/log.js'
import type { Streams } from './memory-streams.js'

/** The location of an entry of the feed. */
interface Row {
  readonly number: number
  readonly stream: string
  readonly epoch: string
  readonly offset: number
}

const LEAST_ROWS = 1_024

/**
 * An index of all entries in the logs of one process, in one order. It does not hold the entries themselves: what a
 * log drops is gone from the feed, too.
 */
export class FeedIndex {
  readonly #rows: Row[] = []
  #head: Position
  /**
   * The last entry that the logs have dropped and the index has removed. A reader that has not read it cannot
   * continue.
   */
  #droppedThrough = 0
  #tidyAt = LEAST_ROWS

  /** Starts with all existing entries in the order of time, which is also the order within each stream. */
  constructor(
    private readonly storeId: string,
    private readonly streams: Streams,
    /** The wall time at a time of the clock by which the logs note when entries were appended. */
    private readonly wallTimeAt: (at: number) => number,
  ) {
    this.#head = { epoch: storeId, offset: 0, id: storeId }
    const found: {
      readonly name: string
      readonly log: RoomLog
      readonly offset: number
      readonly at: number
    }[] = []
    for (const { name, log } of streams.all()) {
      for (let offset = log.oldestOffset; offset <= log.head.offset; offset++)
        found.push({ name, log, offset, at: log.atOf(offset) ?? 0 })
    }
    found.sort((a, b) => a.at - b.at)
    for (const { name, log, offset } of found)
      this.add(name, log.epoch, offset, log.idAt(offset) ?? log.epoch)
  }

  get size(): number {
    return this.#rows.length
  }

  add(stream: string, epoch: string, offset: number, id: string): void {
    const number = this.#head.offset + 1
    this.#rows.push({ number, stream, epoch, offset })
    this.#head = { epoch: this.storeId, offset: number, id }
    if (this.#rows.length >= this.#tidyAt) this.#tidy()
  }

  /** A log was deleted. What came after its entries is all here, so nobody's cursor goes with them. */
  remove(stream: string, epoch: string): void {
    this.#keep((row) => row.stream !== stream || row.epoch !== epoch)
  }

  read(after: Position | undefined, limit: number, maxBytes: number): FeedPage {
    const rows = this.#rows
    const head = this.#head
    const fault = after && this.#faultOf(after)
    if (fault) return { entries: [], more: false, fault, head }
    const first = after ? this.#indexAfter(after.offset) : this.#firstWithoutHole()
    const entries = this.#collect(first, limit, maxBytes)
    if (entries.length === 0 && limit > 0 && first < rows.length)
      return { entries, more: false, fault: 'expired', head }
    return {
      entries,
      more: first + entries.length < rows.length,
      fault: undefined,
      head,
    }
  }

  again(cursors: readonly Position[]): readonly FeedEntry[] {
    return cursors.flatMap(({ epoch, offset, id }) => {
      const row = this.#rows[this.#indexAfter(offset - 1)]
      const one = row?.number === offset && epoch === this.storeId ? this.#entryOf(row) : undefined
      return one?.cursor.id === id ? [one] : []
    })
  }

  /** Stops at an entry that was dropped: the next page begins with it. */
  #collect(first: number, limit: number, maxBytes: number): FeedEntry[] {
    const entries: FeedEntry[] = []
    let room = maxBytes
    for (const row of this.#rows.slice(first, first + limit)) {
      const one = this.#entryOf(row)
      room -= one ? Buffer.byteLength(one.entry.text) : 0
      if (!one || (room < 0 && entries.length > 0)) break
      entries.push(one)
    }
    return entries
  }

  #entryOf(row: Row): FeedEntry | undefined {
    const { number, stream, epoch, offset } = row
    const log = this.#logOf(row)
    const entry = log?.read({ after: offset - 1, limit: 1, maxBytes: 1 }).entries[0]
    if (!log || !entry) return undefined
    const timestampMs = this.wallTimeAt(log.atOf(offset) ?? 0)
    const cursor = { epoch: this.storeId, offset: number, id: entry.id }
    return { stream, epoch, entry, timestampMs, cursor }
  }

  #faultOf({ epoch, offset, id }: Position): Break | undefined {
    if (epoch !== this.storeId) return 'epoch_changed'
    if (offset > this.#head.offset) return 'forked'
    if (offset < this.#droppedThrough) return 'expired'
    const row = this.#rows[this.#indexAfter(offset - 1)]
    const there = row?.number === offset ? this.#logOf(row)?.idAt(row.offset) : undefined
    return there === undefined || there === id ? undefined : 'forked'
  }

  #firstWithoutHole(): number {
    return 1 + this.#rows.findLastIndex((row) => !this.#logOf(row))
  }

  /** Index of the first row after a number; numbers are in ascending order. */
  #indexAfter(number: number): number {
    let [low, high] = [0, this.#rows.length]
    while (low < high) {
      const middle = (low + high) >> 1
      const row = this.#rows[middle]
      if (row && row.number <= number) low = middle + 1
      else high = middle
    }
    return low
  }

  /**
   * Removes dropped entries each time the rows have doubled, so that the index is never more than twice as long as
   * the logs.
   */
  #tidy(): void {
    this.#keep((row) => {
      const isThere = this.#logOf(row) !== undefined
      if (!isThere) this.#droppedThrough = Math.max(this.#droppedThrough, row.number)
      return isThere
    })
    this.#tidyAt = LEAST_ROWS + 2 * this.#rows.length
  }

  #keep(isKept: (row: Row) => boolean): void {
    let kept = 0
    for (const row of this.#rows) if (isKept(row)) this.#rows[kept++] = row
    this.#rows.length = kept
  }

  /** The log that contains a row's entry, if it is still there. */
  #logOf({ stream, epoch, offset }: Omit<Row, 'number'>): RoomLog | undefined {
    const log = this.streams.get(stream)?.log
    return log?.epoch === epoch && offset >= log.oldestOffset ? log : undefined
  }
}
