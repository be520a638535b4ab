import type { JsonObject } from '@roomful/protocol'
import type { Break, LogEntry, LogPage, Position, Range } from '../../api/contracts/backplane.js'
import { LogSegment } from './log-segment.js'

/** The JSON text of a message without its closing brace; {@link entryText} completes it. */
export function openText(message: JsonObject): string {
  return JSON.stringify(message).slice(0, -1)
}

/** Completes such a text with the entry's position, which only the log knows. */
export function entryText(open: string, epoch: string, offset: number): string {
  return completed(open, epochText(epoch), offset)
}

/** The text between the message and its offset. */
const epochText = (epoch: string): string => `,"epoch":"${epoch}","offset":`

const completed = (open: string, middle: string, offset: number): string => `${open}${middle}${offset}}`

export interface Retention {
  /** Maximum number of entries in a room's log. */
  readonly count: number
  /** Maximum bytes in a room's log. */
  readonly bytes: number
  /** Maximum age of an entry, in ms. */
  readonly ageMs: number
}

/** What an entry counts in addition to its text, towards the bytes of a room and of a page. */
export const ENTRY_OVERHEAD = 120

/** The bounded log of one room. Offsets are contiguous from 1; retention always drops the oldest entry. */
export class RoomLog {
  /** The first segment may begin with entries that were dropped. */
  readonly #segments: LogSegment[] = []
  /** The number of entries in the log. */
  #size = 0
  #bytes = 0
  #memory = 0
  /** The segment that was emptied last, reused for the next entries. */
  #spare: LogSegment | undefined
  #epochText: string | undefined
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

  /** The bytes of the entries, as retention counts them. */
  get bytes(): number {
    return this.#bytes
  }

  /** The memory that the log takes, in bytes. */
  get memory(): number {
    return this.#memory + (this.#spare?.bytes ?? 0)
  }

  get size(): number {
    return this.#size
  }

  /** The head's offset plus 1 if no entry is left. */
  get oldestOffset(): number {
    return this.#head.offset - this.#size + 1
  }

  append(id: string, open: string, now: number): LogEntry {
    const offset = this.#head.offset + 1
    this.#epochText ??= epochText(this.epoch)
    const text = completed(open, this.#epochText, offset)
    const bytes = Buffer.byteLength(text)
    this.#write(id, text, bytes, Math.trunc(now))
    this.#size++
    this.#bytes += bytes + ENTRY_OVERHEAD
    const entry = { offset, id, previousId: this.#head.id, text }
    this.#head = { epoch: this.epoch, offset, id }
    this.expire(now)
    return entry
  }

  #write(id: string, text: string, bytes: number, at: number): void {
    const last = this.#segments.at(-1)
    const segment = last && !last.isFullFor(id.length + bytes) ? last : this.#nextSegment()
    const before = segment.bytes
    segment.append(id, text, bytes, at)
    this.#memory += segment.bytes - before
  }

  #nextSegment(): LogSegment {
    const segment = this.#spare ?? new LogSegment(this.#head)
    segment.begin(this.#head)
    this.#spare = undefined
    this.#segments.push(segment)
    this.#memory += segment.bytes
    return segment
  }

  /** Drops the entries that retention no longer covers. */
  expire(now: number): void {
    const { count, bytes, ageMs } = this.retention
    for (let oldest = this.#segments[0]; oldest; oldest = this.#segments[0]) {
      const age = now - oldest.atOf(this.oldestOffset)
      if (this.#size <= count && this.#bytes <= bytes && age < ageMs) break
      this.dropOldest()
    }
  }

  /** Drops the oldest entry regardless of retention, because the node's memory is full. */
  dropOldest(): void {
    const [segment] = this.#segments
    if (!segment) return
    const offset = this.oldestOffset
    this.#bytes -= segment.bytesOf(offset) + ENTRY_OVERHEAD
    this.#size--
    if (offset < segment.lastOffset) return
    this.#segments.shift()
    this.#memory -= segment.bytes
    this.#spare = this.#segments.length > 0 && segment.isReusable ? segment : undefined
  }

  /** Puts other texts in the place of some; ids and offsets stay. Returns the offset of the newest; 0 if there were none. */
  rewrite(change: (text: string) => string | undefined): number {
    let newest = 0
    const noted = (segment: LogSegment) => {
      let offset = segment.firstOffset
      return segment.rewrite((text) => {
        const next = change(text)
        if (next !== undefined) newest = offset
        offset++
        return next
      })
    }
    // Its memory may hold texts that were dropped.
    this.#spare = undefined
    for (const segment of this.#segments) {
      const before = segment.bytes
      if (noted(segment)) this.#memory += segment.bytes - before
    }
    if (newest > 0) this.#bytes = this.#countBytes()
    return newest
  }

  #countBytes(): number {
    let bytes = 0
    for (let offset = this.oldestOffset; offset <= this.#head.offset; offset++)
      bytes += (this.#segments[this.#segmentOf(offset)]?.bytesOf(offset) ?? 0) + ENTRY_OVERHEAD
    return bytes
  }

  read(range: Range): LogPage {
    const oldestOffset = this.oldestOffset
    const from = 'after' in range ? this.#forward(range, oldestOffset) : this.#backward(range, oldestOffset)
    return { ...from, epoch: this.epoch, head: this.#head, oldestOffset }
  }

  /**
   * The id at an offset, if all later entries are still in the log. The head's id is known for as long as the log
   * exists.
   */
  idAt(offset: number): string | undefined {
    if (offset === this.#head.offset) return this.#head.id
    if (offset < this.oldestOffset - 1 || offset > this.#head.offset) return undefined
    return (this.#segments[this.#segmentOf(offset)] ?? this.#segments[0])?.idOf(offset)
  }

  /** When the entry at an offset, which the log still has, was appended. */
  atOf(offset: number): number | undefined {
    return this.#segments[this.#segmentOf(offset)]?.atOf(offset)
  }

  #forward(range: { after: number; limit: number; maxBytes: number }, oldestOffset: number) {
    const first = Math.max(range.after + 1, oldestOffset)
    const entries = this.#collect(first, 1, range)
    const last = entries.at(-1)?.offset ?? Math.max(range.after, first - 1)
    return { entries, more: last < this.#head.offset, truncated: range.after + 1 < oldestOffset }
  }

  #backward(range: { before: number | undefined; limit: number; maxBytes: number }, oldestOffset: number) {
    const last = Math.min((range.before ?? Number.POSITIVE_INFINITY) - 1, this.#head.offset)
    const entries = this.#collect(last, -1, range)
    const first = entries.at(-1)?.offset ?? last + 1
    return {
      entries: entries.reverse(),
      more: first > oldestOffset && oldestOffset <= last,
      truncated: oldestOffset > 1 && last > 0,
    }
  }

  /** Collects entries from one offset on, forwards or backwards, until the page is full. */
  #collect(
    first: number,
    step: 1 | -1,
    { limit, maxBytes }: { limit: number; maxBytes: number },
  ): LogEntry[] {
    const entries: LogEntry[] = []
    const oldestOffset = this.oldestOffset
    let room = maxBytes
    let index = this.#segmentOf(first)
    for (let offset = first; entries.length < limit; offset += step) {
      if (offset < oldestOffset || offset > this.#head.offset) break
      let segment = this.#segments[index] as LogSegment
      if (offset < segment.firstOffset || offset > segment.lastOffset) {
        index += step
        segment = this.#segments[index] as LogSegment
      }
      const bytes = segment.bytesOf(offset) + ENTRY_OVERHEAD
      if (bytes > room && entries.length > 0) break
      entries.push(segment.entry(offset))
      room -= bytes
    }
    return entries
  }

  #segmentOf(offset: number): number {
    let index = this.#segments.length - 1
    while (index >= 0 && (this.#segments[index] as LogSegment).firstOffset > offset) index--
    return index
  }
}

/** Whether a log has lost an entry that it had. Entries that retention dropped do not count as lost. */
export function hasLost(log: Pick<RoomLog, 'epoch' | 'head' | 'idAt'>, entry: Position): boolean {
  const fault = resumeFault(log, entry)
  return fault !== undefined && fault !== 'expired'
}

/**
 * Whether a reader at `since` can continue without a hole. The offset alone proves nothing: after a failover, another
 * entry may have it, so the id must match too.
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
