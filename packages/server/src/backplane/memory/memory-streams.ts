import { RoomfulError } from '@roomful/protocol'
import type { StreamEvent } from '../../api/backplane.js'
import { Dedupe, type DedupeWindow } from '../log/dedupe.js'
import { type Retention, RoomLog } from '../log/log.js'
import { WeightClasses } from '../log/weight-classes.js'
import { Presence } from '../presence.js'

export interface Stream {
  readonly name: string
  readonly log: RoomLog
  /** Made when they are needed, for most rooms of a large node are quiet ones. */
  dedupe: Dedupe | undefined
  /** What the server's own messages with a key have become, for as long as their entries are kept. */
  keys: Dedupe | undefined
  presence: Presence | undefined
  readonly listeners: Set<(event: StreamEvent) => void>
  /** Who published into it first; nobody has, into a stream without a log. */
  account: Account | undefined
  /** What it adds to the node's total, and how much of that can be had back. */
  bytes: number
  spare: number
  isIdle: boolean
  /** Since when it has been idle with an empty log. */
  emptySince: number | undefined
}

/** The streams that one user, or one address, is held to account for. */
interface Account {
  readonly name: string
  size: number
  /** What its streams could give, together, and how many are idle. */
  spare: number
  idle: number
  readonly streams: WeightClasses<Stream>
  readonly idleStreams: WeightClasses<Stream>
}

export interface StreamBounds {
  readonly retention: Retention
  readonly window: DedupeWindow
  readonly totalBytes: number
  readonly streams: number
  readonly idleMs: number
}

/** What a stream takes beside its entries and the records of repeats, measured: half of it in V8's heap. */
export const STREAM_BYTES = 2_048
const FULL_RETRY_MS = 5_000
/** A sweep looks at so many streams, or at this share: at all of them every second, a hundred thousand quiet rooms would be felt. */
const SWEPT = 100
const SWEPT_SHARE = 1 / 32

/**
 * The streams of a node within its bounds. What is too much is taken from who has the most, user by user and room by
 * room: who fills the memory loses their own history, and a quiet room keeps what it has.
 */
export class Streams {
  readonly #streams = new Map<string, Stream>()
  readonly #accounts = new Map<string, Account>()
  readonly #byBytes = new WeightClasses<Account>()
  readonly #byIdle = new WeightClasses<Account>()
  #bytes = 0
  /** The epoch of every stream without a log: another one once a log was forgotten, whose readers must not take a new one for it. */
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

  /** @throws RoomfulError `unavailable` for a new one where all that there are are in use */
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

  /** Has others give up so many bytes, if there are not as many left. @throws RoomfulError `unavailable` if they cannot */
  makeSpace(bytes: number): void {
    if (bytes <= 0) return
    while (this.#bytes + bytes > this.bounds.totalBytes) this.#take(found(this.#heaviest))
  }

  /** What a stream that is not there would have for a log. */
  emptyLog(): RoomLog {
    return new RoomLog(this.#epoch, this.bounds.retention)
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

  /** Makes an account answer for a stream that has none yet. */
  charge(stream: Stream, name: string): void {
    if (stream.account) return
    const account = this.#accounts.get(name) ?? newAccount(name)
    this.#accounts.set(name, account)
    account.size++
    stream.account = account
  }

  /** Takes note of what has become of a stream; one that was never used goes with the last who listened. */
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

  /** Lets go of what is too old, in a part of the streams. */
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

  /** A log keeps its head after its entries, so that an idle room recovers. */
  #expire(stream: Stream, now: number): void {
    const { log, dedupe } = stream
    log.expire(now)
    dedupe?.expire(now)
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

  /** Has a stream give up a little: of its log or the records of repeats, whichever takes more, and at last itself. */
  #take(stream: Stream): void {
    const { log, dedupe } = stream
    if (log.size > 0 && (!dedupe || dedupe.size === 0 || log.memory >= dedupe.bytes)) dropSegment(log)
    else if (dedupe && dedupe.size > 0) dedupe.forgetOlder()
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
    const { log, dedupe, keys, presence } = stream
    keys?.forgetBefore(log.oldestOffset)
    const bytes = STREAM_BYTES + log.memory + (dedupe?.bytes ?? 0) + (keys?.bytes ?? 0)
    const hasSpare = isIdle || log.size > 0 || (dedupe?.size ?? 0) > 0
    // Who is in a room stays until they leave: no bound may take them away.
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

/** @throws RoomfulError `unavailable` if there is none: all that there are are in use */
function found(stream: Stream | undefined): Stream {
  if (!stream) throw new RoomfulError('unavailable', { retryAfterMs: FULL_RETRY_MS })
  return stream
}

/** Drops entries until memory comes back: not the first segment that is emptied, which the log keeps for the next entries. */
function dropSegment(log: RoomLog): void {
  const { memory } = log
  while (log.size > 0 && log.memory === memory) log.dropOldest()
}
