import { getHeapStatistics } from 'node:v8'
import type { JsonObject } from '@roomful/protocol'
import { assertOptions, is, type OptionRules } from '@roomful/protocol/options'
import type {
  Backplane,
  Break,
  Draft,
  LogPage,
  NodeLink,
  Position,
  PresenceChange,
  PresenceSnapshot,
  PresentUser,
  PublishResult,
  Range,
  StreamEvent,
  Subscription,
} from '../../api/contracts/backplane.js'
import { erasedMessage } from '../log/erasure.js'
import { openText, resumeFault } from '../log/log.js'
import { forgottenMessage } from '../log/reactions.js'
import { bytesOf, type Presence, reportOccupancy } from '../presence.js'
import { type AmendOutcome, amendTarget, eraseIn, forgetReactions } from './amending.js'
import { FeedIndex } from './feed-index.js'
import { MemoryFeed } from './memory-feed.js'
import { MemoryMarks } from './memory-marks.js'
import { MemoryProfiles } from './memory-profiles.js'
import { MemoryReactions } from './memory-reactions.js'
import { MemoryRestrictions } from './memory-restrictions.js'
import { type Stream, type StreamBounds, Streams } from './memory-streams.js'
import { findRepeat, refusal, remember } from './repeats.js'

export interface MemoryOptions {
  /** Maximum number of messages that a room keeps; older ones are gone for resumes and for pages. @default 1_000 */
  readonly historyCount?: number
  /**
   * Maximum number of entries in a room's log, messages with their edits and deletions; a resume from further back gets
   * `recovered: false`. Messages beyond it stay in pages, within `historyCount`: many edits do not push them out.
   * @default twice `historyCount`
   */
  readonly historyEntries?: number
  /** Maximum bytes of a room's messages, and of the entries in its log. @default 1_048_576 */
  readonly historyBytes?: number
  /** Maximum age of what a room keeps, in ms. @default 3_600_000 */
  readonly historyMs?: number
  /**
   * Maximum bytes of all rooms of the node, with their logs, records of repeats, members and states. Above it, the
   * largest rooms of the users who have the most lose their oldest entries. If nothing can be reclaimed, a join, a
   * larger state or a new room gets `unavailable`.
   * @default 268_435_456
   */
  readonly totalBytes?: number
  /**
   * Maximum number of rooms on the node, in use or with a log. For one more, the node removes an unused one of the
   * user who has the most unused rooms. If all are in use, an operation that needs a new room gets `unavailable`.
   * @default 100_000, or one for each 8 KiB of V8's heap if that is less
   */
  readonly streams?: number
  /**
   * How many client messages a room remembers in order to recognise a repeat; it may hold up to twice as many. An
   * older repeat is refused with `outcome_unknown`. Let it cover what a room takes in within a minute: for so long, a
   * connection that its client has given up may deliver a message that came again on another.
   * @default 100_000
   */
  readonly dedupeCount?: number
  /**
   * How long a room remembers them, in ms. Clients receive this time, and never repeat a message blindly after it.
   * @default 600_000
   */
  readonly dedupeMs?: number
  /** How long the log of an unused room exists after its last entry, in ms. @default 86_400_000 */
  readonly idleMs?: number
  /** How many users' marks a room keeps; the one that was moved longest ago goes first. @default 10_000 */
  readonly marksCount?: number
  /** How long a user's mark is kept after it was moved last, in ms. @default 7_776_000_000, 90 days */
  readonly marksMs?: number
}

const OPTIONS: OptionRules<MemoryOptions> = {
  historyCount: is.positive,
  historyEntries: is.positive,
  historyBytes: is.positive,
  historyMs: is.positive,
  totalBytes: is.positive,
  streams: is.positive,
  dedupeCount: is.positive,
  dedupeMs: is.positive,
  idleMs: is.positive,
  marksCount: is.positive,
  marksMs: is.positive,
}

const SWEEP_MS = 1_000
/** Heap per stream, in bytes: a stream takes up to 3 KiB, and the rest is for everything else. */
const HEAP_A_STREAM = 8_192

/**
 * The backplane in memory, for a single node. A restart loses the logs, and clients that resume find out.
 * @throws TypeError for an option that is not a number above 0
 */
export function memory(options: MemoryOptions = {}): Backplane {
  assertOptions('memory', options, OPTIONS)
  return new MemoryBackplane(options)
}

class MemoryBackplane implements Backplane {
  readonly durability = 'memory'
  readonly amends = true
  readonly ready = true
  readonly dedupeWindowMs: number
  readonly marks = new MemoryMarks(
    () => this.#streams,
    () => this.#now(),
  )
  readonly #bounds: StreamBounds
  #started: { readonly node: NodeLink; readonly streams: Streams } | undefined
  readonly changes = new MemoryFeed(
    () => new FeedIndex(this.#node.newId(), this.#streams, (at) => this.#wallTimeAt(at)),
    () => this.#now(),
  )
  readonly reactions = new MemoryReactions(
    () => this.#streams,
    () => this.#now(),
  )
  readonly restrictions = new MemoryRestrictions(() => this.#now())
  readonly profiles = new MemoryProfiles()
  /** Streams with users in their grace period. */
  readonly #inGrace = new Set<Stream>()
  #stopSweep = () => {}

  constructor(options: MemoryOptions) {
    const { historyCount: count = 1_000 } = options
    this.#bounds = {
      retention: {
        count,
        entries: options.historyEntries ?? 2 * count,
        bytes: options.historyBytes ?? 1024 * 1024,
        ageMs: options.historyMs ?? 3_600_000,
      },
      window: { count: options.dedupeCount ?? 100_000, ms: options.dedupeMs ?? 600_000 },
      marks: { count: options.marksCount ?? 10_000, ms: options.marksMs ?? 7_776_000_000 },
      totalBytes: options.totalBytes ?? 256 * 1024 * 1024,
      streams: options.streams ?? Math.min(100_000, getHeapStatistics().heap_size_limit / HEAP_A_STREAM),
      idleMs: options.idleMs ?? 86_400_000,
    }
    this.dedupeWindowMs = this.#bounds.window.ms
  }

  async start(node: NodeLink): Promise<void> {
    if (this.#started)
      throw new Error('memory: a memory backplane serves one server; give each server its own')
    this.#started = { node, streams: new Streams(this.#bounds, () => node.newId()) }
    this.#stopSweep = node.clock.every(SWEEP_MS, () => this.#sweep())
  }

  publish(name: string, draft: Draft): PublishResult {
    const stream = this.#streams.open(name)
    const now = this.#now()
    const { epoch } = stream.log
    const { sender, idempotency, amends, timestampMs } = draft
    const known = findRepeat(stream, draft, now)
    if (known && known.fingerprint !== (sender ?? idempotency)?.fingerprint) return { status: 'conflict' }
    if (known) return this.#accepted({ epoch, offset: known.offset, id: known.id }, true, known.timestampMs)
    const refused = sender && refusal(stream, sender)
    if (refused) {
      this.#streams.settle(stream)
      return { status: refused }
    }
    const restrained = this.restrictions.against(name, draft, now)
    if (restrained) {
      this.#streams.settle(stream)
      return restrained
    }
    const amended = amends && amendTarget(stream.log, amends, timestampMs, now)
    if (amended) return this.#unamended(stream, draft, amended, now)
    const entry = stream.log.append(draft.id, openText(draft.message), now)
    const { head } = stream.log
    remember(this.#streams, stream, draft, { ...entry, timestampMs }, now)
    if (draft.readBy !== undefined) this.#streams.marksOf(stream).set(draft.readBy, head, now)
    this.#streams.charge(stream, draft.account ?? THE_APPLICATION)
    this.#streams.settle(stream)
    const { changes } = this
    if (changes.index) changes.appended(changes.index, name, epoch, entry)
    emit(stream, { kind: 'entry', entry, epoch })
    for (const changed of this.marks.watchers) changed(name)
    return this.#accepted(head, false, timestampMs)
  }

  /** Answers an amendment that appends nothing. */
  #unamended(stream: Stream, draft: Draft, amended: AmendOutcome, now: number): PublishResult {
    if (amended.status !== 'unchanged') {
      this.#streams.settle(stream)
      return amended
    }
    const { epoch } = stream.log
    const { offset, id, timestampMs } = amended.answer
    remember(this.#streams, stream, draft, amended.answer, now)
    this.#streams.settle(stream)
    return this.#accepted({ epoch, offset, id }, true, timestampMs)
  }

  async subscribe(name: string, listener: (event: StreamEvent) => void): Promise<Subscription> {
    const stream = this.#streams.open(name)
    stream.listeners.add(listener)
    this.#streams.settle(stream)
    return {
      close: () => {
        if (stream.listeners.delete(listener)) this.#streams.settle(stream)
      },
    }
  }

  async read(name: string, range: Range, since?: Position): Promise<LogPage & { fault: Break | undefined }> {
    const stream = this.#streams.get(name)
    const log = stream?.log ?? this.#streams.emptyLog()
    log.expire(this.#now())
    return { ...log.read(range), fault: since && resumeFault(log, since) }
  }

  async delete(name: string): Promise<void> {
    const stream = this.#streams.get(name)
    if (!stream || stream.log.head.offset === 0) return
    this.changes.ended(name, stream.log.epoch)
    this.#streams.replaceLog(stream)
    emit(stream, { kind: 'resync', reason: 'epoch_changed', head: stream.log.head })
    for (const changed of this.marks.watchers) changed(name)
  }

  async erase(userId: string): Promise<void> {
    this.profiles.forget(userId)
    await this.delete(`@user:${userId}`)
    for (const stream of [...this.#streams.all()]) this.#eraseReactions(stream, userId)
    // All texts first, so that nobody reads one in a room that was erased in another.
    for (const { stream, through } of this.#eraseTexts(userId)) {
      const { name } = stream
      const [id, timestampMs] = [this.#node.newId(), this.#node.clock.wallTime()]
      this.#streams.settle(stream)
      this.publish(name, {
        id,
        timestampMs,
        message: erasedMessage({ id, roomId: name, userId, through, timestampMs }),
      })
    }
  }

  #eraseReactions({ name, log }: Stream, userId: string): void {
    for (const offset of log.reactors?.targetsOf(userId) ?? []) {
      const target = log.entryAt(offset)
      // The entries that tell of others may have pushed it out.
      if (!target) continue
      const reactions = forgetReactions(log, userId, target)
      const [id, timestampMs] = [this.#node.newId(), this.#node.clock.wallTime()]
      const to = { offset, id: target.id }
      const message = forgottenMessage({ id, roomId: name, userId, target: to, reactions, timestampMs })
      this.publish(name, { id, timestampMs, message })
    }
  }

  /** Returns the streams that had any, and the newest offset in each. */
  #eraseTexts(userId: string): { readonly stream: Stream; readonly through: number }[] {
    const found = []
    for (const stream of this.#streams.all()) {
      stream.dedupe?.forgetUser(userId)
      stream.marks?.delete(userId)
      const through = eraseIn(stream.log, userId)
      if (through > 0) found.push({ stream, through })
    }
    return found
  }

  async enter(name: string, user: PresentUser, connection: string): Promise<PresenceSnapshot> {
    const isKnown = this.#streams.get(name)?.presence?.has(user.userId)
    if (!isKnown) this.#streams.makeSpace(bytesOf(user))
    const stream = this.#streams.open(name)
    const presence = this.#streams.presenceOf(stream)
    this.#announce(stream, presence.enter(user, connection), connection)
    this.#streams.settle(stream)
    return this.#snapshot(presence)
  }

  async update(name: string, userId: string, state: JsonObject): Promise<void> {
    const stream = this.#streams.get(name)
    if (!stream?.presence) return
    this.#streams.makeSpace(stream.presence.costOfState(userId, state))
    this.#announce(stream, stream.presence.update(userId, state), undefined)
    this.#streams.settle(stream)
  }

  async leave(name: string, userId: string, connection: string, mayReturn: boolean): Promise<void> {
    const stream = this.#streams.get(name)
    if (!stream) return
    const graceUntil = mayReturn ? this.#now() + this.#node.graceMs : undefined
    this.#announce(stream, stream.presence?.leave(userId, connection, graceUntil), connection)
    if (graceUntil !== undefined) this.#inGrace.add(stream)
    this.#streams.settle(stream)
  }

  async present(name: string): Promise<PresenceSnapshot> {
    const presence = this.#streams.get(name)?.presence
    return presence ? this.#snapshot(presence) : { users: [], count: 0, version: 0 }
  }

  relay(): void {
    // A single node has no others.
  }

  async close(): Promise<void> {
    this.#stopSweep()
    this.#started?.streams.clear()
    this.#inGrace.clear()
  }

  get #node(): NodeLink {
    return this.#parts.node
  }

  get #streams(): Streams {
    return this.#parts.streams
  }

  get #parts() {
    if (!this.#started) throw new Error('memory: start() comes first')
    return this.#started
  }

  #announce(stream: Stream, change: PresenceChange | undefined, connection: string | undefined): void {
    if (!change) return
    // The user's own connections learn of their new profile too.
    const exceptFor = change.event === 'update' ? undefined : connection
    emit(stream, { kind: 'presence', change, connection: exceptFor })
    reportOccupancy(this.#node, stream.name, change)
  }

  #now(): number {
    return this.#node.clock.now()
  }

  #wallTimeAt(at: number): number {
    const { clock } = this.#node
    return Math.round(clock.wallTime() - (clock.now() - at))
  }

  #snapshot(presence: Presence): PresenceSnapshot {
    const { count, version } = presence
    return { users: count <= this.#node.listedMembers ? presence.users() : undefined, count, version }
  }

  #accepted(position: Position, duplicate: boolean, timestampMs: number): PublishResult {
    return { status: 'accepted', position, duplicate, timestampMs, durability: this.durability }
  }

  #sweep(): void {
    const now = this.#now()
    for (const stream of this.#inGrace) {
      for (const change of stream.presence?.expire(now) ?? []) this.#announce(stream, change, undefined)
      if (!stream.presence?.hasGrace) this.#inGrace.delete(stream)
      this.#streams.settle(stream)
    }
    this.#streams.sweep(now)
    this.restrictions.sweep()
  }
}

/** The account of messages that no client sent. */
const THE_APPLICATION = ''

function emit(stream: Stream, event: StreamEvent): void {
  for (const listener of stream.listeners) listener(event)
}
