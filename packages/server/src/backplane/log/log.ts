import type { JsonObject, Target } from '@roomful/protocol'
import type { Break, LogEntry, LogPage, Position, Range } from '../../api/contracts/backplane.js'
import { isAmendmentText, redactedEdit, START_BYTES, startOfEdits } from './amending.js'
import { ENTRY_OVERHEAD, LogSegment } from './log-segment.js'
import { OlderMessages } from './older-messages.js'
import { type PageMessage, pageOfMessages } from './page.js'
import type { NotedReaction } from './reactions.js'
import { Reactors } from './reactors.js'

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
  /** Maximum number of messages that a room keeps. */
  readonly count: number
  /** Maximum number of entries in a room's log, amendments included. */
  readonly entries: number
  /** Maximum bytes of a room's log, and of its messages. */
  readonly bytes: number
  /** Maximum age of an entry, in ms. */
  readonly ageMs: number
}

/**
 * The bounded log of one room. Offsets are contiguous from 1; retention always drops the oldest entry. Messages that it
 * drops only because there are many amendments stay readable in pages.
 */
export class RoomLog {
  /** The first segment may begin with entries that were dropped. */
  readonly #segments: LogSegment[] = []
  /** The number of entries in the log. */
  #size = 0
  #bytes = 0
  /** How many of the entries are amendments, and their bytes. */
  #amendments = 0
  #amendmentBytes = 0
  #memory = 0
  /** Created on demand, since most rooms never need it. */
  #older: OlderMessages | undefined
  #reactors: Reactors | undefined
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
    const { bytes = 0 } = this.#reactors ?? {}
    return this.#memory + (this.#spare?.bytes ?? 0) + (this.#older?.memory ?? 0) + bytes
  }

  /** Who reacted to its messages, if anybody did. */
  get reactors(): Reactors | undefined {
    return this.#reactors
  }

  note(target: number, noted: NotedReaction): void {
    this.#reactors ??= new Reactors()
    this.#reactors.note(target, noted, this.oldestOffset)
  }

  /** The number of entries that it keeps, in the log and for pages. */
  get size(): number {
    return this.#size + (this.#older?.size ?? 0)
  }

  /** The oldest entry from which a reader can resume. The head's offset plus 1 if no entry is left. */
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
    if (isAmendmentText(text)) {
      this.#amendments++
      this.#amendmentBytes += bytes + ENTRY_OVERHEAD
    }
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

  /** Drops what retention no longer covers. */
  expire(now: number): void {
    const { entries, bytes } = this.retention
    while (this.size > 0 && this.#hasTooManyMessages(now)) this.dropOldest()
    while (this.#size > entries || this.#bytes > bytes) this.#dropFromLog(true)
  }

  /** Of the messages, or any that are too old. */
  #hasTooManyMessages(now: number): boolean {
    const { count, bytes, ageMs } = this.retention
    if (this.size - this.#amendments > count) return true
    if (this.#bytes - this.#amendmentBytes + (this.#older?.bytes ?? 0) > bytes) return true
    const oldestAt = this.#older?.oldestAt ?? this.#segments[0]?.atOf(this.oldestOffset)
    return oldestAt !== undefined && now - oldestAt >= ageMs
  }

  /** Drops the oldest entry regardless of retention, because the node's memory is full. */
  dropOldest(): void {
    if (this.#older) this.#dropOlder(this.#older)
    else this.#dropFromLog(false)
  }

  #dropOlder(older: OlderMessages): void {
    if (older.oldestOffset !== undefined) this.#reactors?.drop(older.oldestOffset)
    older.dropOldest()
    if (older.size === 0) this.#older = undefined
  }

  /** Drops the oldest entry of the log; one that is a message may stay for pages. */
  #dropFromLog(isKeptForPages: boolean): void {
    const [segment] = this.#segments
    if (!segment) return
    const offset = this.oldestOffset
    const bytes = segment.bytesOf(offset) + ENTRY_OVERHEAD
    if (this.#isAmendment(segment, offset)) {
      this.#amendments--
      this.#amendmentBytes -= bytes
    } else if (isKeptForPages) {
      this.#older ??= new OlderMessages()
      this.#older.add(segment.entry(offset), segment.atOf(offset))
    } else this.#reactors?.drop(offset)
    this.#bytes -= bytes
    this.#size--
    // Or the text would stay in memory after its message was deleted.
    segment.wipe(offset)
    if (offset < segment.lastOffset) return
    this.#segments.shift()
    this.#memory -= segment.bytes
    this.#spare = this.#segments.length > 0 && segment.isReusable ? segment : undefined
  }

  #isAmendment(segment: LogSegment, offset: number): boolean {
    return this.#amendments > 0 && isAmendmentText(segment.startOf(offset, START_BYTES))
  }

  /** An entry that a page may show. */
  entryAt(offset: number): LogEntry | undefined {
    if (offset < this.oldestOffset) return this.#older?.entryAt(offset)
    return offset > this.#head.offset ? undefined : this.#segments[this.#segmentOf(offset)]?.entry(offset)
  }

  /** Puts another text in the place of an entry's, of which no byte is left. */
  replace(offset: number, text: string): void {
    if (offset < this.oldestOffset) {
      this.#older?.replace(offset, text)
      return
    }
    const segment = this.#segments[this.#segmentOf(offset)]
    if (!segment) return
    const [memory, bytes] = [segment.bytes, segment.bytesOf(offset)]
    segment.replace(offset, text)
    this.#memory += segment.bytes - memory
    const added = segment.bytesOf(offset) - bytes
    this.#bytes += added
    if (this.#isAmendment(segment, offset)) this.#amendmentBytes += added
  }

  /** Takes the texts from the edits of a message, up to one of them. */
  redactEdits(target: Target, through: number): void {
    const start = startOfEdits(target)
    for (let offset = Math.max(target.offset + 1, this.oldestOffset); offset <= through; offset++) {
      const segment = this.#segments[this.#segmentOf(offset)]
      if (segment?.startOf(offset, start.length) !== start) continue
      this.replace(offset, JSON.stringify(redactedEdit(JSON.parse(segment.entry(offset).text))))
    }
  }

  /** Puts other texts in the place of some, in the order of the log; ids and offsets stay. */
  rewrite(change: (text: string, offset: number) => string | undefined): void {
    for (const { offset, text } of this.#all()) {
      const next = change(text, offset)
      if (next !== undefined) this.replace(offset, next)
    }
  }

  *#all(): Generator<LogEntry> {
    if (this.#older) yield* this.#older.entries()
    for (const segment of this.#segments) {
      const first = Math.max(segment.firstOffset, this.oldestOffset)
      for (let offset = first; offset <= segment.lastOffset; offset++) yield segment.entry(offset)
    }
  }

  /** The messages from one offset on, forwards or backwards. */
  *messages(first: number, step: 1 | -1): Generator<PageMessage> {
    if (this.#older && step === 1) yield* this.#older.from(first, step)
    const oldestOffset = this.oldestOffset
    for (const segment of step === 1 ? this.#segments : this.#segments.toReversed()) {
      const [low, high] = [Math.max(segment.firstOffset, oldestOffset), segment.lastOffset]
      const from = step === 1 ? Math.max(low, first) : Math.min(high, first)
      for (let offset = from; offset >= low && offset <= high; offset += step) {
        if (this.#isAmendment(segment, offset)) continue
        yield { offset, bytes: segment.bytesOf(offset), entry: () => segment.entry(offset) }
      }
    }
    if (this.#older && step === -1) yield* this.#older.from(first, step)
  }

  read(range: Range): LogPage {
    if (range.messagesOnly && (this.#amendments > 0 || this.#older)) return this.#readMessages(range)
    const oldestOffset = this.oldestOffset
    const from = 'after' in range ? this.#forward(range, oldestOffset) : this.#backward(range, oldestOffset)
    return { ...from, epoch: this.epoch, head: this.#head, oldestOffset }
  }

  #readMessages(range: Range): LogPage {
    const oldestOffset = this.#older?.oldestOffset ?? this.oldestOffset
    return pageOfMessages({ log: this, oldestOffset }, range)
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

  #forward(range: Range & { after: number }, oldestOffset: number) {
    const first = Math.max(range.after + 1, oldestOffset)
    const entries = this.#collect(first, 1, range)
    const last = entries.at(-1)?.offset ?? Math.max(range.after, first - 1)
    return { entries, more: last < this.#head.offset, truncated: range.after + 1 < oldestOffset }
  }

  #backward(range: Range & { before: number | undefined }, oldestOffset: number) {
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
