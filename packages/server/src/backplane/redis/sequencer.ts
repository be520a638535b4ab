import type { LogEntry, LogPage, Position } from '../../api/backplane.js'

/** Entries whose ids are remembered, to tell a late copy from a fork and to find where a fork began. */
const REMEMBERED = 128
/** Entries that wait for a repair; with more, the repair reads on instead. */
const WAITING = 128

interface Arrival {
  readonly epoch: string
  readonly entry: LogEntry
}

/**
 * Makes one log of what arrives of it: each entry once, in order, each naming the one before. Whatever does not fit
 * asks for a repair from the log. Pure: whoever feeds it does the reading.
 */
export class Sequencer {
  #head: Position | undefined
  readonly #ids = new Map<number, string>()
  #waiting: Arrival[] = []
  /** The newest entry that this node was told is in the log, while it has not come. */
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

  /** Whether what was passed on or acknowledged is in the log no longer, so that a repair has to restart. */
  get hasForked(): boolean {
    return this.#hasForked
  }

  get needsRepair(): boolean {
    return this.#needsRepair
  }

  /** Begins after `head`; returns what has arrived since. */
  start(head: Position): readonly LogEntry[] {
    this.#moveTo(head)
    return this.#drain()
  }

  /** Returns what can be passed on now. */
  accept(epoch: string, entry: LogEntry): readonly LogEntry[] {
    if (!this.#head || this.#needsRepair) {
      // What is dropped here is in the log all the same; without a head yet, a head check finds it.
      if (this.#waiting.length < WAITING) this.#waiting.push({ epoch, entry })
      return []
    }
    return this.#judge(this.#head, epoch, entry, true)
  }

  /** Takes note of what Redis has accepted here: if the log turns out to hold something else, the sender must be told. */
  acknowledge(position: Position): void {
    const own = this.#head
    if (own?.epoch !== position.epoch) return
    const passed = this.#ids.get(position.offset)
    if (passed !== undefined && passed !== position.id) this.#fork()
    if (position.offset > (this.known?.offset ?? 0)) this.#acknowledged = position
  }

  /**
   * Compares with what the log says of its end, when asked after `asked` was known to be in it. An end before that is
   * a log that lost entries; one that is ahead may be on its way, unless `isLate`.
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

  /** Not of what was known before a restart: of two checks that were under way then, the later one would find a fork again. */
  #knows(position: Position | undefined): position is Position {
    if (!position || position.epoch !== this.#head?.epoch) return false
    return this.#ids.get(position.offset) === position.id || this.#acknowledged?.id === position.id
  }

  /** Takes what the log holds after the head; returns what of it is new. `isLast` if there is no more to read. */
  fill(entries: readonly LogEntry[], isLast: boolean): readonly LogEntry[] {
    if (!isLast) return this.#append(entries)
    const isFull = this.#waiting.length >= WAITING
    this.#needsRepair = this.#hasForked
    const fresh = [...this.#append(entries), ...this.#drain()]
    if (isFull) this.#needsRepair = true
    return fresh
  }

  /**
   * Goes on in a log that does not continue what was passed on: after the last entry that both have in common, or
   * else with the oldest of its newest entries. Returns from where, and what follows.
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
    // What waited for a repair may be older than what the repair has just proved.
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
