import { Ring } from './ring.js'

/** A reader's place in a log: `id` is that of the entry at `offset`, or the epoch in an empty log. */
export interface Position {
  readonly epoch: string
  readonly offset: number
  readonly id: string
}

export interface LogEntry {
  readonly offset: number
  readonly id: string
  /** Id of the entry before, so that a reader can tell a fork from a gap. */
  readonly previousId: string
  /** JSON text of the frame that members get, live and from history alike. */
  readonly text: string
}

/** Completes a message that ends before its closing brace with its place in the log, which only the log knows. */
export function entryText(open: string, epoch: string, offset: number): string {
  return `${open},"epoch":"${epoch}","offset":${offset}}`
}

export interface Retention {
  /** Entries a room keeps. */
  readonly count: number
  /** Bytes a room keeps. */
  readonly bytes: number
  /** Age up to which an entry is kept, in ms. */
  readonly ageMs: number
}

/** Which entries to read: the oldest after an offset, or the newest before one (without one, the newest). */
export type Range =
  | { readonly after: number; readonly limit: number; readonly maxBytes: number }
  | { readonly before: number | undefined; readonly limit: number; readonly maxBytes: number }

export interface LogPage {
  /** In the order of their offsets. */
  readonly entries: readonly LogEntry[]
  /** Whether the log holds further entries in the direction of reading. */
  readonly more: boolean
  /** Whether entries in that direction existed once and are gone. */
  readonly truncated: boolean
  readonly epoch: string
  readonly head: Position
  /** Offset of the oldest entry that is kept; one above the head if none is. */
  readonly oldestOffset: number
}

interface Kept extends LogEntry {
  /** In whole ms: V8 keeps a fraction as an object of its own. */
  readonly at: number
  readonly bytes: number
}

/** What an entry costs beside its text: the object, its id, its slot. */
const ENTRY_OVERHEAD = 120

/** The bounded log of one room. Offsets are contiguous from 1; what retention drops is always the oldest. */
export class RoomLog {
  readonly #entries = new Ring<Kept>()
  #bytes = 0
  #head: Position

  constructor(
    readonly epoch: string,
    private readonly retention: Retention,
  ) {
    this.#head = { epoch, offset: 0, id: epoch }
  }

  get head(): Position {
    return this.#head
  }

  get bytes(): number {
    return this.#bytes
  }

  get size(): number {
    return this.#entries.length
  }

  append(id: string, open: string, now: number): LogEntry {
    const offset = this.#head.offset + 1
    const text = entryText(open, this.epoch, offset)
    const entry = {
      offset,
      id,
      previousId: this.#head.id,
      text,
      at: Math.trunc(now),
      bytes: Buffer.byteLength(text) + ENTRY_OVERHEAD,
    }
    this.#entries.push(entry)
    this.#bytes += entry.bytes
    this.#head = { epoch: this.epoch, offset, id }
    this.expire(now)
    return entry
  }

  /** Drops what retention no longer covers. */
  expire(now: number): void {
    const { count, bytes, ageMs } = this.retention
    for (let oldest = this.#entries.at(0); oldest; oldest = this.#entries.at(0)) {
      if (this.size <= count && this.#bytes <= bytes && now - oldest.at < ageMs) break
      this.dropOldest()
    }
  }

  /** Drops the oldest entry, whatever retention says: the node's memory is full. */
  dropOldest(): void {
    this.#bytes -= this.#entries.shift()?.bytes ?? 0
  }

  read(range: Range): LogPage {
    const oldestOffset = this.#head.offset - this.size + 1
    const from = 'after' in range ? this.#forward(range, oldestOffset) : this.#backward(range, oldestOffset)
    return { ...from, epoch: this.epoch, head: this.#head, oldestOffset }
  }

  /** The id at an offset, if everything after it is still kept; that of the head is known for as long as the log. */
  idAt(offset: number): string | undefined {
    if (offset === this.#head.offset) return this.#head.id
    const index = offset - (this.#head.offset - this.size + 1)
    if (index >= 0) return this.#entries.at(index)?.id
    return index === -1 ? this.#entries.at(0)?.previousId : undefined
  }

  #forward(range: { after: number; limit: number; maxBytes: number }, oldestOffset: number) {
    const first = Math.max(range.after + 1, oldestOffset)
    const entries: LogEntry[] = []
    let room = range.maxBytes
    for (let index = first - oldestOffset; entries.length < range.limit; index++) {
      const entry = this.#entries.at(index)
      if (!entry || (entry.bytes > room && entries.length > 0)) break
      entries.push(entry)
      room -= entry.bytes
    }
    const last = entries.at(-1)?.offset ?? Math.max(range.after, first - 1)
    return { entries, more: last < this.#head.offset, truncated: range.after + 1 < oldestOffset }
  }

  #backward(range: { before: number | undefined; limit: number; maxBytes: number }, oldestOffset: number) {
    const last = Math.min((range.before ?? Number.POSITIVE_INFINITY) - 1, this.#head.offset)
    const entries: LogEntry[] = []
    let room = range.maxBytes
    for (let index = last - oldestOffset; entries.length < range.limit; index--) {
      const entry = this.#entries.at(index)
      if (!entry || (entry.bytes > room && entries.length > 0)) break
      entries.push(entry)
      room -= entry.bytes
    }
    const first = entries.at(-1)?.offset ?? last + 1
    return {
      entries: entries.reverse(),
      more: first > oldestOffset && oldestOffset <= last,
      truncated: oldestOffset > 1 && last > 0,
    }
  }
}

/** Whether a log has lost an entry that it had: what retention drops is not lost. */
export function hasLost(log: Pick<RoomLog, 'epoch' | 'head' | 'idAt'>, entry: Position): boolean {
  const fault = resumeFault(log, entry)
  return fault !== undefined && fault !== 'expired'
}

/** Why a resume is not complete. */
export type Break = 'epoch_changed' | 'forked' | 'expired'

/**
 * Whether a reader at `since` can go on without a hole. The offset alone proves nothing: after a failover
 * it may have been given again to another entry, so the id must match too.
 */
export function resumeFault(
  log: Pick<RoomLog, 'epoch' | 'head' | 'idAt'>,
  since: Position,
): Break | undefined {
  if (since.epoch !== log.epoch) return 'epoch_changed'
  if (since.offset > log.head.offset) return 'forked'
  const id = log.idAt(since.offset)
  if (id === undefined) return 'expired'
  return id === since.id ? undefined : 'forked'
}
