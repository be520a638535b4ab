import type { StreamEvent } from '../../api/contracts/backplane.js'
import { RoomfulError } from '../../api/contracts/roomful-error.js'
import { Dedupe, type DedupeWindow } from '../log/dedupe.js'
import { type Retention, RoomLog } from '../log/log.js'
import { type MarkBounds, MarkTable } from '../log/mark-table.js'
import { WeightClasses } from '../log/weight-classes.js'
import { Presence } from '../presence.js'

export interface Stream {
  readonly name: string
  log: RoomLog
  /** Created on demand, since most rooms of a large node are quiet. */
  dedupe: Dedupe | undefined
  /** The outcomes of the server's own messages with a key, for as long as the log keeps their entries. */
  keys: Dedupe | undefined
  /** Up to where users have read. */
  marks: MarkTable | undefined
  presence: Presence | undefined
  readonly listeners: Set<(event: StreamEvent) => void>
  /** The account that published into it first; a stream without a log has none. */
  account: Account | undefined
  /** What it adds to the node's total, and how much of that can be reclaimed. */
  bytes: number
  spare: number
  isIdle: boolean
  /** Since when it has been idle with an empty log. */
  emptySince: number | undefined
}

/** The streams that are charged to one user or one address. */
interface Account {
  readonly name: string
  size: number
  /** How much its streams could give back together, and how many of them are idle. */
  spare: number
  idle: number
  readonly streams: WeightClasses<Stream>
  readonly idleStreams: WeightClasses<Stream>
}

export interface StreamBounds {
  readonly retention: Retention
  readonly window: DedupeWindow
  readonly marks: MarkBounds
  readonly totalBytes: number
  readonly streams: number
  readonly idleMs: number
}

/** The measured cost of a stream without its entries and its records of repeats; half of it is in V8's heap. */
export const STREAM_BYTES = 2_048
const FULL_RETRY_MS = 5_000
/**
 * Each sweep visits at least this many streams, or this share of them: visiting a hundred thousand quiet rooms every
 * second would take too long.
 */
const SWEPT = 100
const SWEPT_SHARE = 1 / 32

/**
 * Keeps the streams of a node within its limits. When there is too much, the users who have the most lose their own
 * history first, starting with their largest rooms. A quiet room keeps what it has.
 */
export class Streams {
  readonly #streams = new Map<string, Stream>()
  readonly #accounts = new Map<string, Account>()
  readonly #byBytes = new WeightClasses<Account>()
  readonly #byIdle = new WeightClasses<Account>()
  #bytes = 0
  /**
   * The epoch of every stream without a log. It changes when a log is removed, so that its readers do not mistake a
   * new log for it.
   */
  #epoch: string
  #toSweep: Iterator<Stream>

  constructor(
    private readonly bounds: StreamBounds,
    private readonly newId: () => string,
  ) {
    this.#epoch = newId()
    this.#toSweep = this.#streams.values()
  }

  get bytes(): number {
    return this.#bytes
  }

  get size(): number {
    return this.#streams.size
  }

  all(): Iterable<Stream> {
    return this.#streams.values()
  }

  get(name: string): Stream | undefined {
    return this.#streams.get(name)
  }

  /** @throws RoomfulError `unavailable` for a new stream if all existing ones are in use */
  open(name: string): Stream {
    const known = this.#streams.get(name)
    if (known) return known
    this.#dropUnused()
    this.makeSpace(STREAM_BYTES)
    const stream: Stream = {
      name,
      log: this.emptyLog(),
      dedupe: undefined,
      keys: undefined,
      marks: undefined,
      presence: undefined,
      listeners: new Set(),
      account: undefined,
      bytes: STREAM_BYTES,
      spare: 0,
      isIdle: false,
      emptySince: undefined,
    }
    this.#bytes += STREAM_BYTES
    this.#streams.set(name, stream)
    return stream
  }

  /**
   * Reclaims memory from other streams until this many bytes are free.
   * @throws RoomfulError `unavailable` if they cannot give enough
   */
  makeSpace(bytes: number): void {
    if (bytes <= 0) return
    while (this.#bytes + bytes > this.bounds.totalBytes) this.#take(found(this.#heaviest))
  }

  /** The log that a nonexistent stream would have. */
  emptyLog(): RoomLog {
    return new RoomLog(this.#epoch, this.bounds.retention)
  }

  /** Begins an empty log in the place of one with entries, under another epoch; whoever is present stays. */
  replaceLog(stream: Stream): void {
    this.#epoch = this.newId()
    stream.log = this.emptyLog()
    stream.dedupe = undefined
    stream.keys = undefined
    stream.marks = undefined
    this.settle(stream)
  }

  presenceOf(stream: Stream): Presence {
    stream.presence ??= new Presence()
    return stream.presence
  }

  dedupeOf(stream: Stream): Dedupe {
    stream.dedupe ??= new Dedupe(this.bounds.window)
    return stream.dedupe
  }

  keysOf(stream: Stream): Dedupe {
    const { count, ageMs } = this.bounds.retention
    stream.keys ??= new Dedupe({ count, ms: ageMs })
    return stream.keys
  }

  marksOf(stream: Stream): MarkTable {
    stream.marks ??= new MarkTable(this.bounds.marks)
    return stream.marks
  }

  /** Charges a stream to an account, if it has none yet. */
  charge(stream: Stream, name: string): void {
    if (stream.account) return
    const account = this.#accounts.get(name) ?? newAccount(name)
    this.#accounts.set(name, account)
    account.size++
    stream.account = account
  }

  /** Records the new state of a stream. A stream that was never used is removed with its last listener. */
  settle(stream: Stream): void {
    if (this.#streams.get(stream.name) !== stream) return
    const { log, presence, listeners } = stream
    const isIdle = listeners.size === 0 && (!presence || presence.isEmpty)
    if (isIdle) stream.presence = undefined
    if (isIdle && log.head.offset === 0) {
      this.#delete(stream)
      return
    }
    this.#weigh(stream, isIdle)
    for (let next = this.#heaviest; next && this.#bytes > this.bounds.totalBytes; next = this.#heaviest)
      this.#take(next)
  }

  /** Removes what is too old from some of the streams. */
  sweep(now: number): void {
    for (let left = Math.max(SWEPT, this.#streams.size * SWEPT_SHARE); left > 0; left--) {
      const { value: stream } = this.#toSweep.next()
      if (stream) this.#expire(stream, now)
      else {
        this.#toSweep = this.#streams.values()
        return
      }
    }
  }

  clear(): void {
    for (const stream of this.#streams.values()) this.#delete(stream)
  }

  /** A log keeps its head after its entries are gone, so that readers of an idle room can resume. */
  #expire(stream: Stream, now: number): void {
    const { log, dedupe } = stream
    log.expire(now)
    dedupe?.expire(now)
    stream.marks?.expire(now)
    this.settle(stream)
    if (!stream.isIdle || log.size > 0 || (dedupe?.size ?? 0) > 0) {
      stream.emptySince = undefined
      return
    }
    stream.emptySince ??= now
    if (now - stream.emptySince > this.bounds.idleMs) this.#delete(stream)
  }

  #dropUnused(): void {
    const { streams } = this.bounds
    while (this.#streams.size >= streams) this.#delete(found(this.#byIdle.heaviest?.idleStreams.lightest))
  }

  get #heaviest(): Stream | undefined {
    return this.#byBytes.heaviest?.streams.heaviest
  }

  /**
   * Takes a little from a stream: from its log or its records of repeats, whichever is larger, then from its marks, and
   * finally the stream itself.
   */
  #take(stream: Stream): void {
    const { log, dedupe, marks } = stream
    if (log.size > 0 && (!dedupe || dedupe.size === 0 || log.memory >= dedupe.bytes)) dropSegment(log)
    else if (dedupe && dedupe.size > 0) dedupe.forgetOlder()
    else if (marks && marks.size > 0) marks.dropHalf()
    else {
      this.#delete(stream)
      return
    }
    this.#weigh(stream, stream.isIdle)
  }

  #delete(stream: Stream): void {
    this.#note(stream, 0, 0, false)
    this.#streams.delete(stream.name)
    if (stream.log.head.offset > 0) this.#epoch = this.newId()
    const { account } = stream
    if (account && --account.size === 0) this.#accounts.delete(account.name)
  }

  #weigh(stream: Stream, isIdle: boolean): void {
    const { log, dedupe, keys, marks, presence } = stream
    keys?.forgetBefore(log.oldestOffset)
    const records = (dedupe?.bytes ?? 0) + (keys?.bytes ?? 0) + (marks?.bytes ?? 0)
    const bytes = STREAM_BYTES + log.memory + records
    const hasSpare = isIdle || log.size > 0 || (dedupe?.size ?? 0) + (marks?.size ?? 0) > 0
    // Users who are in a room stay until they leave; no limit may remove them.
    this.#note(stream, bytes + (presence?.bytes ?? 0), hasSpare ? bytes : 0, isIdle)
  }

  #note(stream: Stream, bytes: number, spare: number, isIdle: boolean): void {
    const before = stream.spare
    const wasIdle = stream.isIdle
    this.#bytes += bytes - stream.bytes
    stream.bytes = bytes
    stream.spare = spare
    stream.isIdle = isIdle
    const { account } = stream
    if (!account) return
    account.streams.move(stream, before, spare)
    account.idleStreams.move(stream, wasIdle ? before : 0, isIdle ? spare : 0)
    this.#byBytes.move(account, account.spare, account.spare + spare - before)
    account.spare += spare - before
    const idle = account.idle + Number(isIdle) - Number(wasIdle)
    this.#byIdle.move(account, STREAM_BYTES * account.idle, STREAM_BYTES * idle)
    account.idle = idle
  }
}

function newAccount(name: string): Account {
  const [streams, idleStreams] = [new WeightClasses<Stream>(), new WeightClasses<Stream>()]
  return { name, size: 0, spare: 0, idle: 0, streams, idleStreams }
}

/** @throws RoomfulError `unavailable` if there is none, because all are in use */
function found(stream: Stream | undefined): Stream {
  if (!stream) throw new RoomfulError('unavailable', { retryAfterMs: FULL_RETRY_MS })
  return stream
}

/**
 * Drops entries until that frees memory. Emptying the first segment frees none, because the log keeps it for the next
 * entries.
 */
function dropSegment(log: RoomLog): void {
  const { memory } = log
  while (log.size > 0 && log.memory === memory) log.dropOldest()
}
