import type { JsonObject } from '@roomful/protocol'
import type {
  Backplane,
  Draft,
  NodeLink,
  PresenceSnapshot,
  PublishResult,
  StreamEvent,
  Subscription,
} from '../backplane.js'
import { Dedupe, type DedupeWindow } from '../core/dedupe.js'
import {
  type Break,
  hasLost,
  type LogPage,
  type Position,
  type Range,
  type Retention,
  RoomLog,
  resumeFault,
} from '../core/log.js'
import { Presence, type PresenceChange, type PresentUser } from '../core/presence.js'

export interface MemoryOptions {
  /** Entries that a room's log keeps; a resume from further back is told `recovered: false`. @default 1_000 */
  readonly historyCount?: number
  /** Bytes that a room's log keeps. @default 1_048_576 */
  readonly historyBytes?: number
  /** Age up to which a room's log keeps entries, in ms. @default 3_600_000 */
  readonly historyMs?: number
  /**
   * Bytes that all logs of the node keep, and what they remember of repeats; above it, the rooms that were quiet the
   * longest lose their oldest entries. @default 268_435_456
   */
  readonly totalBytes?: number
  /**
   * Client messages that a room remembers, in order to recognise a repeat; it may hold twice as many. A repeat from before
   * them is refused with `outcome_unknown`. @default 100_000
   */
  readonly dedupeCount?: number
  /** How long a room remembers them, in ms. Clients are told, and never repeat a message blindly after it. @default 600_000 */
  readonly dedupeMs?: number
  /** How long the log of an unused room is known after its last entry, in ms. @default 86_400_000 */
  readonly idleMs?: number
}

interface Stream {
  readonly log: RoomLog
  readonly dedupe: Dedupe
  readonly presence: Presence
  readonly listeners: Set<(event: StreamEvent) => void>
  /** What this stream adds to the node's total. */
  bytes: number
  /** When it last moved to the end of the node's streams. */
  touchedAt: number
  /** Since when nobody has used it. */
  idleSince: number | undefined
}

const SWEEP_MS = 1_000

/**
 * The embedded backplane: one node, logs in memory. A restart forgets them, and clients that resume are told so.
 * @throws TypeError for an option that is no number above 0
 */
export function memory(options: MemoryOptions = {}): Backplane {
  for (const [name, value] of Object.entries(options)) {
    if (typeof value !== 'number' || !(value > 0)) {
      throw new TypeError(`memory: ${name} must be a number above 0, not ${String(value)}`)
    }
  }
  return new MemoryBackplane(options)
}

class MemoryBackplane implements Backplane {
  readonly durability = 'memory'
  readonly ready = true
  readonly dedupeWindowMs: number
  readonly #retention: Retention
  readonly #window: DedupeWindow
  readonly #totalBytes: number
  readonly #idleMs: number
  /** In the order of their last append, to the second, so that the first is the one that was quiet the longest. */
  readonly #streams = new Map<string, Stream>()
  #bytes = 0
  #node: NodeLink | undefined
  #stopSweep = () => {}

  constructor(options: MemoryOptions) {
    this.#retention = {
      count: options.historyCount ?? 1_000,
      bytes: options.historyBytes ?? 1024 * 1024,
      ageMs: options.historyMs ?? 3_600_000,
    }
    this.#window = { count: options.dedupeCount ?? 100_000, ms: options.dedupeMs ?? 600_000 }
    this.#totalBytes = options.totalBytes ?? 256 * 1024 * 1024
    this.#idleMs = options.idleMs ?? 86_400_000
    this.dedupeWindowMs = this.#window.ms
  }

  async start(node: NodeLink): Promise<void> {
    if (this.#node) throw new Error('memory: a memory backplane serves one server; give each server its own')
    this.#node = node
    this.#stopSweep = node.clock.every(SWEEP_MS, () => this.#sweep())
  }

  publish(name: string, draft: Draft): PublishResult {
    const stream = this.#stream(name)
    const now = this.#now()
    const { epoch } = stream.log
    const { sender, wall } = draft
    if (sender) {
      const { userId, clientId, fingerprint, seen, after } = sender
      const known = stream.dedupe.find(userId, clientId, now)
      if (known && known.fingerprint !== fingerprint) return { status: 'conflict' }
      if (known) return this.#accepted({ epoch, offset: known.offset, id: known.id }, true, known.wall)
      if (seen !== undefined && seen < stream.dedupe.forgotten) return { status: 'forgotten' }
      if (after && hasLost(stream.log, after)) return { status: 'out_of_order' }
    }
    const entry = stream.log.append(draft.id, draft.open, now)
    const { head } = stream.log
    if (sender) {
      const { userId, clientId, fingerprint } = sender
      const { offset, id } = entry
      stream.dedupe.remember(clientId, { userId, fingerprint, offset, id, wall }, now)
    }
    this.#touch(name, stream)
    emit(stream, { kind: 'entry', entry, epoch })
    return this.#accepted(head, false, wall)
  }

  async subscribe(name: string, listener: (event: StreamEvent) => void): Promise<Subscription> {
    const { listeners } = this.#stream(name)
    listeners.add(listener)
    return { close: () => listeners.delete(listener) }
  }

  async read(name: string, range: Range, since?: Position): Promise<LogPage & { fault: Break | undefined }> {
    const { log } = this.#stream(name)
    log.expire(this.#now())
    return { ...log.read(range), fault: since && resumeFault(log, since) }
  }

  async enter(name: string, user: PresentUser, connection: string): Promise<PresenceSnapshot> {
    const stream = this.#stream(name)
    announce(stream, stream.presence.enter(user, connection), connection)
    return this.#snapshot(stream.presence)
  }

  async update(name: string, userId: string, state: JsonObject): Promise<void> {
    const stream = this.#streams.get(name)
    if (stream) announce(stream, stream.presence.update(userId, state), undefined)
  }

  async leave(name: string, userId: string, connection: string, mayReturn: boolean): Promise<void> {
    const stream = this.#streams.get(name)
    if (!stream) return
    const graceUntil = mayReturn && this.#node ? this.#now() + this.#node.graceMs : undefined
    announce(stream, stream.presence.leave(userId, connection, graceUntil), connection)
  }

  async present(name: string): Promise<PresenceSnapshot> {
    const stream = this.#streams.get(name)
    return stream ? this.#snapshot(stream.presence) : { users: [], count: 0, version: 0 }
  }

  relay(): void {
    // One node has no others.
  }

  async close(): Promise<void> {
    this.#stopSweep()
    this.#streams.clear()
    this.#bytes = 0
  }

  #stream(name: string): Stream {
    const known = this.#streams.get(name)
    if (known) return known
    if (!this.#node) throw new Error('memory: start() comes first')
    const stream: Stream = {
      log: new RoomLog(this.#node.newId(), this.#retention),
      dedupe: new Dedupe(this.#window),
      presence: new Presence(),
      listeners: new Set(),
      bytes: 0,
      touchedAt: Number.NEGATIVE_INFINITY,
      idleSince: undefined,
    }
    this.#streams.set(name, stream)
    return stream
  }

  #now(): number {
    return this.#node?.clock.now() ?? 0
  }

  #snapshot(presence: Presence): PresenceSnapshot {
    const { count, version } = presence
    return {
      users: count <= (this.#node?.listedUsers ?? 0) ? presence.users() : undefined,
      count,
      version,
    }
  }

  #accepted(position: Position, duplicate: boolean, wall: number): PublishResult {
    return { status: 'accepted', position, duplicate, wall, durability: this.durability }
  }

  #touch(name: string, stream: Stream): void {
    const now = this.#now()
    if (now - stream.touchedAt >= SWEEP_MS) {
      stream.touchedAt = now
      this.#streams.delete(name)
      this.#streams.set(name, stream)
    }
    this.#account(stream)
    if (this.#bytes > this.#totalBytes) this.#shrink()
  }

  #account(stream: Stream): void {
    const bytes = stream.log.memory + stream.dedupe.bytes
    this.#bytes += bytes - stream.bytes
    stream.bytes = bytes
  }

  /** Takes from the quietest rooms first, and what recognises repeats only when no log has anything left. */
  #shrink(): void {
    this.#takeFromQuietest(({ log }) => {
      log.dropOldest()
      return log.size > 0
    })
    this.#takeFromQuietest(({ dedupe }) => {
      dedupe.forgetOlder()
      return dedupe.size > 0
    })
  }

  /** `take` gives up a little of a stream, and tells whether there is more. */
  #takeFromQuietest(take: (stream: Stream) => boolean): void {
    for (const stream of this.#streams.values()) {
      let more = true
      while (more && this.#bytes > this.#totalBytes) {
        more = take(stream)
        this.#account(stream)
      }
      if (this.#bytes <= this.#totalBytes) return
    }
  }

  #sweep(): void {
    const now = this.#now()
    for (const [name, stream] of this.#streams) {
      for (const change of stream.presence.expire(now)) announce(stream, change, undefined)
      stream.log.expire(now)
      stream.dedupe.expire(now)
      this.#account(stream)
      if (this.#isForgettable(stream, now)) {
        this.#bytes -= stream.bytes
        this.#streams.delete(name)
      }
    }
  }

  /** A log keeps its head after its entries, so that an idle room recovers; one that never had any is worth little. */
  #isForgettable(stream: Stream, now: number): boolean {
    const { log, dedupe, presence, listeners } = stream
    if (listeners.size > 0 || !presence.isEmpty || log.size > 0 || dedupe.size > 0) {
      stream.idleSince = undefined
      return false
    }
    stream.idleSince ??= now
    return now - stream.idleSince > (log.head.offset === 0 ? this.#window.ms : this.#idleMs)
  }
}

function announce(stream: Stream, change: PresenceChange | undefined, connection: string | undefined): void {
  if (change) emit(stream, { kind: 'presence', change, connection })
}

function emit(stream: Stream, event: StreamEvent): void {
  for (const listener of stream.listeners) listener(event)
}
