import type {
  LogEntry,
  Position,
  PresenceEvent,
  PresenceSnapshot,
  PresentUser,
  Range,
} from '../../../packages/server/src/api/contracts/backplane.js'
import { entryText } from '../../../packages/server/src/backplane/log/log.js'
import type { RedisSettings } from '../../../packages/server/src/backplane/redis/options.js'
import type {
  Append,
  AppendReply,
  Entered,
  GraceEnd,
  PresentConnection,
  ReadReply,
  RedisStore,
  StreamMessage,
  StreamState,
} from '../../../packages/server/src/backplane/redis/store.js'
import { Keyspace } from './keyspace.js'

/** What a script has while it runs: the time of its Redis, and its subscribers. */
export interface Turn {
  readonly now: number
  publish(stream: string, message: StreamMessage): void
}

interface Meta {
  readonly epoch: string
  offset: number
  id: string
}

interface Kept extends LogEntry {
  readonly open: string
  readonly at: number
  /** Bytes of the log up to the end of this entry. */
  readonly sum: number
}

interface Head extends Position {
  readonly sum: number
}

interface Sent extends Position {
  readonly fingerprint: number
  readonly timestampMs: number
}

interface Present {
  user: PresentUser
  /** Connections, and the lease of each. */
  readonly at: Map<string, string>
  graceEnds: number | undefined
}

interface Presence {
  version: number
  readonly users: Map<string, Present>
}

const OVERHEAD = 120

/**
 * The keys of one Redis and what the scripts do to them, line by line as in `lua/`. It depends on nothing but its
 * arguments, so that a replica which is given the same has the same.
 */
export class RedisData {
  readonly #meta = new Keyspace<Meta>()
  readonly #logs = new Keyspace<Kept[]>()
  readonly #sent = new Keyspace<Sent>()
  readonly #presence = new Keyspace<Presence>()
  readonly #tasks = new Map<string, number>()
  readonly #leases = new Map<string, Map<string, PresentConnection>>()
  #secret: string | undefined

  constructor(private readonly settings: RedisSettings) {}

  /** The log that a stream has; another one is another epoch. */
  epochs(now: number): ReadonlyMap<string, string> {
    return new Map(this.#meta.all(now).map(([stream, { epoch }]) => [stream, epoch]))
  }

  append({ now, publish }: Turn, append: Append): AppendReply {
    const { stream, id, open, timestampMs, sender, idempotency, newEpoch } = append
    const { historyCount, historyBytes, historyMs, sentMs, idleMs } = this.settings
    const last = this.#headOrNew(stream, newEpoch, idleMs, now)
    const { epoch } = last
    const sent = sentKey(append)
    const window = idempotency ? historyMs : sentMs
    if (idempotency) trim(this.#logs.get(stream, now) ?? [], last.sum, historyBytes, historyMs, now)
    const found = sent === undefined ? undefined : this.#known(sent, stream, last, now)
    const known = idempotency && found && !this.#isKept(stream, found, now) ? undefined : found
    const fingerprint = (sender ?? idempotency)?.fingerprint
    if (known && known.fingerprint !== fingerprint) return { status: 'conflict' }
    if (known && sent !== undefined) {
      this.#sent.expire(sent, now + window)
      const position = { epoch, offset: known.offset, id: known.id }
      return { status: 'accepted', position, duplicate: true, timestampMs: known.timestampMs }
    }
    if (sender?.after && this.#hasLost(stream, last, sender.after, now)) return { status: 'out_of_order' }
    const position = { epoch, offset: last.offset + 1, id }
    if (fingerprint !== undefined && sent !== undefined)
      this.#sent.set(sent, { fingerprint, timestampMs, ...position }, now + window)
    const sum = last.sum + Buffer.byteLength(open) + OVERHEAD
    const { offset } = position
    const entry = { offset, id, previousId: last.id, text: entryText(open, epoch, offset) }
    const log = this.#logs.get(stream, now) ?? []
    log.push({ ...entry, open, at: now, sum })
    log.splice(0, log.length - historyCount)
    this.#logs.set(stream, log, now + historyMs)
    this.#meta.set(stream, position, now + idleMs)
    trim(log, sum, historyBytes, historyMs, now)
    publish(stream, { kind: 'entry', epoch, entry })
    return { status: 'accepted', position, duplicate: false, timestampMs }
  }

  read({ now }: Turn, stream: string, range: Range, idAt: number | undefined, newEpoch: string): ReadReply {
    const { historyBytes, historyMs, dedupeMs } = this.settings
    const { sum, ...head } = this.#headOrNew(stream, newEpoch, dedupeMs, now)
    const log = this.#logs.get(stream, now) ?? []
    trim(log, sum, historyBytes, historyMs, now)
    const isAfter = 'after' in range
    const raws = isAfter
      ? log.filter(({ offset }) => offset > range.after)
      : log.filter(({ offset }) => offset < (range.before ?? Number.POSITIVE_INFINITY)).reverse()
    const entries: LogEntry[] = []
    let room = range.maxBytes
    for (const { offset, id, previousId, text, open } of raws.slice(0, range.limit)) {
      room -= Buffer.byteLength(open) + OVERHEAD
      if (room < 0 && entries.length > 0) break
      entries.push({ offset, id, previousId, text })
    }
    const oldest = log[0]
    return {
      epoch: head.epoch,
      head,
      oldestOffset: oldest?.offset ?? head.offset + 1,
      entries,
      idAt: idAt === undefined ? undefined : idOf(idAt, head, log),
    }
  }

  standing({ now }: Turn, stream: string): StreamState {
    const { idleMs } = this.settings
    const presenceVersion = this.#presence.get(stream, now)?.version ?? 0
    this.#meta.refresh(stream, now, idleMs)
    this.#presence.refresh(stream, now, idleMs)
    const head = this.#head(stream, now)
    return { presenceVersion, head: head && { epoch: head.epoch, offset: head.offset, id: head.id } }
  }

  enter(
    turn: Turn,
    stream: string,
    user: PresentUser,
    { connection, lease, seen, listed }: Parameters<RedisStore['enter']>[2],
  ): Entered {
    const { now } = turn
    const presence = this.#presence.get(stream, now) ?? { version: now, users: new Map() }
    this.#presence.set(stream, presence, now + this.settings.idleMs)
    const known = presence.users.get(user.userId)
    const present: Present = known ?? { user, at: new Map(), graceEnds: undefined }
    present.at.set(connection, lease)
    present.graceEnds = undefined
    presence.users.set(user.userId, present)
    if (!known) announce(turn, stream, presence, 'enter', present, connection, seen)
    return { snapshot: this.present(turn, stream, listed), isNew: !known }
  }

  update(turn: Turn, stream: string, userId: string, state: string, seen: number): void {
    const presence = this.#presence.get(stream, turn.now)
    const present = presence?.users.get(userId)
    if (!presence || !present) return
    present.user = { ...present.user, state: JSON.parse(state) }
    announce(turn, stream, presence, 'update', present, undefined, seen)
  }

  leave(
    turn: Turn,
    { stream, userId, connection }: PresentConnection,
    { lease, graceMs, seen }: Parameters<RedisStore['leave']>[1],
  ): number | undefined {
    const present = this.#presence.get(stream, turn.now)?.users.get(userId)
    const held = present?.at.get(connection)
    if (!present || held === undefined || (lease !== undefined && held !== lease)) return undefined
    present.at.delete(connection)
    if (present.at.size > 0) return undefined
    if (graceMs === 0) return this.#remove(turn, stream, userId, connection, seen)
    present.graceEnds = turn.now + graceMs
    return undefined
  }

  endGrace(turn: Turn, stream: string, userId: string, seen: number): GraceEnd {
    const ends = this.#presence.get(stream, turn.now)?.users.get(userId)?.graceEnds
    if (ends === undefined) return { leftMs: 0, count: undefined }
    if (ends > turn.now) return { leftMs: ends - turn.now, count: undefined }
    return { leftMs: 0, count: this.#remove(turn, stream, userId, undefined, seen) }
  }

  present({ now }: Turn, stream: string, listed: number): PresenceSnapshot {
    const { version, users } = this.#presence.get(stream, now) ?? { version: 0, users: new Map() }
    const named = users.size > listed ? undefined : [...users.values()].map(({ user }) => user)
    return { version, count: users.size, users: named }
  }

  schedule({ now }: Turn, task: string, ms: number): void {
    this.#tasks.set(task, now + ms)
  }

  putOff({ now }: Turn, task: string, ms: number): boolean {
    const isNoted = this.#tasks.has(task)
    if (isNoted) this.#tasks.set(task, now + ms)
    return isNoted
  }

  takeDue({ now }: Turn, limit: number, retryMs: number): readonly string[] {
    const due = [...this.#tasks]
      .filter(([, at]) => at <= now)
      .sort(([a, atA], [b, atB]) => atA - atB || (a < b ? -1 : 1))
      .slice(0, limit)
    return due.map(([task]) => {
      const name = task.startsWith('!') ? task.slice(1) : task
      this.#tasks.delete(task)
      this.#tasks.set(`!${name}`, now + retryMs)
      return name
    })
  }

  done(task: string): void {
    this.#tasks.delete(`!${task}`)
  }

  note(lease: string, memberships: readonly PresentConnection[]): void {
    const noted = this.#leases.get(lease) ?? new Map<string, PresentConnection>()
    for (const membership of memberships) noted.set(nameOf(membership), membership)
    this.#leases.set(lease, noted)
  }

  strike(lease: string, memberships: readonly PresentConnection[]): void {
    for (const membership of memberships) this.#leases.get(lease)?.delete(nameOf(membership))
  }

  noted(lease: string, limit: number): readonly PresentConnection[] {
    return [...(this.#leases.get(lease)?.values() ?? [])].slice(0, limit)
  }

  secret(candidate: string): string {
    this.#secret ??= candidate
    return this.#secret
  }

  #head(stream: string, now: number): Head | undefined {
    const meta = this.#meta.get(stream, now)
    const last = this.#logs.get(stream, now)?.at(-1)
    return meta && { epoch: meta.epoch, offset: meta.offset, id: meta.id, sum: 0, ...(last && headOf(last)) }
  }

  #headOrNew(stream: string, epoch: string, ttl: number, now: number): Head {
    const known = this.#head(stream, now)
    if (known) return known
    this.#logs.delete(stream)
    this.#meta.set(stream, { epoch, offset: 0, id: epoch }, now + ttl)
    return { epoch, offset: 0, id: epoch, sum: 0 }
  }

  /** A record counts only if the log still holds the entry that it names, or held it once. */
  #known(sent: string, stream: string, last: Head, now: number): Sent | undefined {
    const record = this.#sent.get(sent, now)
    return record && !this.#hasLost(stream, last, record, now) ? record : undefined
  }

  #isKept(stream: string, { offset, id }: Position, now: number): boolean {
    return this.#logs.get(stream, now)?.some((entry) => entry.offset === offset && entry.id === id) ?? false
  }

  #hasLost(stream: string, last: Head, { epoch, offset, id }: Position, now: number): boolean {
    if (epoch !== last.epoch || offset > last.offset) return true
    const isLast = offset === last.offset
    const there = isLast ? last : this.#logs.get(stream, now)?.find((entry) => entry.offset === offset)
    return there !== undefined && there.id !== id
  }

  /** Returns the number of users who are left. */
  #remove(
    turn: Turn,
    stream: string,
    userId: string,
    connection: string | undefined,
    seen: number,
  ): number | undefined {
    const presence = this.#presence.get(stream, turn.now)
    const present = presence?.users.get(userId)
    if (!presence || !present) return undefined
    presence.users.delete(userId)
    announce(turn, stream, presence, 'leave', present, connection, seen)
    if (presence.users.size === 0) this.#presence.delete(stream)
    return presence.users.size
  }
}

function sentKey({ stream, sender, idempotency }: Append): string | undefined {
  if (sender) return JSON.stringify([stream, sender.userId, sender.clientId])
  return idempotency && JSON.stringify([stream, idempotency.key])
}

function announce(
  { publish }: Turn,
  stream: string,
  presence: Presence,
  event: PresenceEvent,
  { user }: Present,
  connection: string | undefined,
  seen: number,
): void {
  presence.version = Math.max(presence.version, seen) + 1
  const change = { event, user, version: presence.version, count: presence.users.size }
  publish(stream, { kind: 'presence', change, connection })
}

function trim(log: Kept[], sum: number, bytes: number, age: number, now: number): void {
  for (let oldest = log[0]; oldest; oldest = log[0]) {
    const size = sum - oldest.sum + Buffer.byteLength(oldest.open) + OVERHEAD
    if (now - oldest.at < age && size <= bytes) return
    log.shift()
  }
}

function headOf({ offset, id, sum }: Kept): Omit<Head, 'epoch'> {
  return { offset, id, sum }
}

function idOf(asked: number, head: Position, log: readonly Kept[]): string | undefined {
  if (asked === head.offset) return head.id
  const oldest = log[0]
  if (oldest && asked === oldest.offset - 1) return oldest.previousId
  return log.find(({ offset }) => offset === asked)?.id
}

function nameOf({ stream, userId, connection }: PresentConnection): string {
  return JSON.stringify([stream, userId, connection])
}
