import type { LogEntry, LogPage, Position } from '../../api/contracts/backplane.js'

/** How many entries' ids are remembered, to tell a late copy from a fork, and to find where a fork began. */
const REMEMBERED = 128
/** How many entries may wait for a repair; if there are more, the repair reads them from the log. */
const WAITING = 128

interface Arrival {
  readonly epoch: string
  readonly entry: LogEntry
}

/**
 * Puts the arriving entries of one log in order: each entry once, each naming the previous one. If an entry does not
 * fit, it asks for a repair from the log. It is pure: its caller reads the log.
 */
export class Sequencer {
  #head: Position | undefined
  readonly #ids = new Map<number, string>()
  #waiting: Arrival[] = []
  /** The newest entry that is known to be in the log but has not arrived. */
  #acknowledged: Position | undefined
  #needsRepair = false
  #hasForked = false

  /** The last entry that was passed on. */
  get head(): Position | undefined {
    return this.#head
  }

  /** The newest entry that is known to be in the log. */
  get known(): Position | undefined {
    return this.#acknowledged ?? this.#head
  }

  /** Whether an entry that was passed on or acknowledged is no longer in the log, so that a repair must restart. */
  get hasForked(): boolean {
    return this.#hasForked
  }

  get needsRepair(): boolean {
    return this.#needsRepair
  }

  /** Starts after `head`; returns the entries that have arrived since. */
  start(head: Position): readonly LogEntry[] {
    this.#moveTo(head)
    return this.#drain()
  }

  /** Returns the entries that can be passed on now. */
  accept(epoch: string, entry: LogEntry): readonly LogEntry[] {
    if (!this.#head || this.#needsRepair) {
      // An entry that is dropped here is still in the log; without a head yet, a head check finds it.
      if (this.#waiting.length < WAITING) this.#waiting.push({ epoch, entry })
      return []
    }
    return this.#judge(this.#head, epoch, entry, true)
  }

  /**
   * Records an entry that Redis has accepted from this node: if the log turns out to hold another, the sender must
   * learn of it.
   */
  acknowledge(position: Position): void {
    const own = this.#head
    if (own?.epoch !== position.epoch) return
    const passed = this.#ids.get(position.offset)
    if (passed !== undefined && passed !== position.id) this.#fork()
    if (position.offset > (this.known?.offset ?? 0)) this.#acknowledged = position
  }

  /**
   * Compares with the end of the log, which was read after `asked` was known to be in it. If the log ends earlier, it
   * has lost entries. If it ends later, entries may still be on their way, unless `isLate`.
   */
  check(head: Position | undefined, asked: Position | undefined, isLate: boolean): void {
    const own = this.#head
    if (!own) return
    const isSameLog = head?.epoch === own.epoch
    const isBack = isSameLog && this.#knows(asked) && head.offset < asked.offset
    const isPassed = isSameLog && !isBack && this.#ids.get(head.offset) === head.id
    const isAhead = isSameLog && head.offset > own.offset
    if (isBack) this.#fork()
    if (!isPassed && (isLate || !isAhead)) this.#needsRepair = true
  }

  /**
   * Ignores positions from before a restart: if two checks were running then, the later one would find the fork a
   * second time.
   */
  #knows(position: Position | undefined): position is Position {
    if (!position || position.epoch !== this.#head?.epoch) return false
    return this.#ids.get(position.offset) === position.id || this.#acknowledged?.id === position.id
  }

  /**
   * Takes the entries that the log holds after the head; returns those that are new. `isLast` means that there are no
   * more to read.
   */
  fill(entries: readonly LogEntry[], isLast: boolean): readonly LogEntry[] {
    if (!isLast) return this.#append(entries)
    const isFull = this.#waiting.length >= WAITING
    this.#needsRepair = this.#hasForked
    const fresh = [...this.#append(entries), ...this.#drain()]
    if (isFull) this.#needsRepair = true
    return fresh
  }

  /**
   * Continues in a log that does not continue what was passed on: after the last entry that both have in common, or
   * else with the oldest of the given entries. Returns the position, and the entries that follow it.
   */
  restart({ entries, epoch, head }: Pick<LogPage, 'entries' | 'epoch' | 'head'>): {
    readonly head: Position
    readonly entries: readonly LogEntry[]
  } {
    const isSameLog = epoch === this.#head?.epoch
    const common = entries.findLastIndex(({ offset, id }) => isSameLog && this.#ids.get(offset) === id)
    const first = entries[common + 1]
    const from = first ? { epoch, offset: first.offset - 1, id: first.previousId } : head
    this.#moveTo(from)
    return { head: from, entries: this.fill(entries.slice(common + 1), true) }
  }

  #judge(head: Position, epoch: string, entry: LogEntry, isLive: boolean): readonly LogEntry[] {
    if (epoch === head.epoch && entry.offset === head.offset + 1 && entry.previousId === head.id)
      return this.#append([entry])
    const known = epoch === head.epoch ? this.#ids.get(entry.offset) : undefined
    // Entries that waited for a repair may be older than those that the repair has just read.
    const isOld = !isLive && epoch === head.epoch && entry.offset <= head.offset && known === undefined
    if (known !== entry.id && !isOld) this.#needsRepair = true
    return []
  }

  #append(entries: readonly LogEntry[]): readonly LogEntry[] {
    const fresh: LogEntry[] = []
    for (const entry of entries) {
      const head = this.#head
      if (!head || this.#ids.get(entry.offset) === entry.id) continue
      if (entry.offset !== head.offset + 1 || entry.previousId !== head.id) {
        this.#needsRepair = true
        break
      }
      if (this.#acknowledged?.offset === entry.offset && this.#acknowledged.id !== entry.id) {
        this.#fork()
        break
      }
      this.#advance({ epoch: head.epoch, offset: entry.offset, id: entry.id })
      fresh.push(entry)
    }
    return fresh
  }

  #drain(): readonly LogEntry[] {
    const waiting = this.#waiting
    this.#waiting = []
    return waiting.flatMap(({ epoch, entry }) =>
      this.#head && !this.#needsRepair
        ? this.#judge(this.#head, epoch, entry, false)
        : this.accept(epoch, entry),
    )
  }

  #fork(): void {
    this.#hasForked = true
    this.#needsRepair = true
  }

  #moveTo(head: Position): void {
    this.#ids.clear()
    this.#acknowledged = undefined
    this.#needsRepair = false
    this.#hasForked = false
    this.#advance(head)
  }

  #advance(head: Position): void {
    this.#head = head
    if (this.#acknowledged && this.#acknowledged.offset <= head.offset) this.#acknowledged = undefined
    this.#ids.set(head.offset, head.id)
    this.#ids.delete(head.offset - REMEMBERED)
  }
}
