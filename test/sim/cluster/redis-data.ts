import type {
  LogEntry,
  Position,
  PresenceEvent,
  PresenceSnapshot,
  PresentUser,
  Range,
} from '../../../packages/server/src/api/contracts/backplane.js'
import type { Reader, Reading, UserMark } from '../../../packages/server/src/api/contracts/marks.js'
import { isAmendmentText, targetOf } from '../../../packages/server/src/backplane/log/amending.js'
import { entryText } from '../../../packages/server/src/backplane/log/log.js'
import { countUnread } from '../../../packages/server/src/backplane/log/unread.js'
import type {
  Amends,
  Append,
  AppendReply,
  ReactionsChange,
} from '../../../packages/server/src/backplane/redis/append.js'
import type { FoundEdits, Rewrite } from '../../../packages/server/src/backplane/redis/log-editor.js'
import type { RedisSettings } from '../../../packages/server/src/backplane/redis/options.js'
import { reactionFields } from '../../../packages/server/src/backplane/redis/reaction-fields.js'
import type {
  Entered,
  GraceEnd,
  PresentConnection,
  ReactionsReply,
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

interface Kept extends LogEntry {
  readonly open: string
  readonly at: number
  /** Of the server's message, if it had a key. */
  readonly key: string | undefined
}

interface Repeatable extends Position {
  readonly fingerprint: number
  readonly timestampMs: number
}

interface Log {
  readonly epoch: string
  head: Position
  readonly entries: Kept[]
  readonly records: Map<string, Repeatable>
  /** The records of clients' messages, the oldest first. */
  readonly queue: { readonly name: string; readonly at: number; readonly offset: number }[]
  /** The offset up to which records were forgotten. */
  forgotten: number
  /** Who reacted, in fields as Redis has them. */
  readonly reactions: Map<string, string>
  /** Up to where users have read, the one that was moved longest ago first. */
  readonly marks: Map<string, Position>
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
/** Records that an append prunes at the most. */
const PRUNED = 2

/**
 * The keys of one Redis and what the scripts do to them, line by line as in `lua/`. It depends on nothing but its
 * arguments, so that a replica which is given the same has the same.
 */
export class RedisData {
  readonly #logs = new Keyspace<Log>()
  readonly #presence = new Keyspace<Presence>()
  readonly #tasks = new Map<string, number>()
  readonly #leases = new Map<string, Map<string, PresentConnection>>()
  #secret: string | undefined
  /** Until when a node tidies, or nobody does. */
  #turnEnds = 0

  constructor(private readonly settings: RedisSettings) {}

  /** The log that a stream has; another one is another epoch. */
  epochs(now: number): ReadonlyMap<string, string> {
    return new Map(this.#logs.all(now).map(([stream, { epoch }]) => [stream, epoch]))
  }

  append({ now, publish }: Turn, append: Append): AppendReply {
    const { stream, id, open, timestampMs, sender, idempotency, newEpoch, amends, readBy } = append
    const { sentMs, idleMs } = this.settings
    const log = this.#logs.get(stream, now) ?? newLog(newEpoch)
    const { epoch, head } = log
    const name = recordOf(append)
    const fingerprint = (sender ?? idempotency)?.fingerprint
    const known = name === undefined ? undefined : this.#repeated(log, name, idempotency !== undefined, now)
    if (known && known.fingerprint !== fingerprint) return { status: 'conflict' }
    if (known) {
      this.#logs.expire(stream, now + idleMs)
      const position = { epoch, offset: known.offset, id: known.id }
      return { status: 'accepted', position, duplicate: true, timestampMs: known.timestampMs }
    }
    if (sender?.seen !== undefined && sender.seen < log.forgotten) return { status: 'forgotten' }
    if (sender?.after && (sender.after.epoch !== epoch || hasLost(log, sender.after)))
      return { status: 'out_of_order' }
    if (amends?.status === 'refused') return { status: 'refused' }
    if (amends && this.#hasMoved(log, amends, now)) return { status: 'moved' }
    if (amends?.status === 'unchanged') {
      const { offset, id, timestampMs } = amends.madeBy
      if (sender && name !== undefined) {
        prune(log, sentMs, PRUNED, now)
        log.records.set(name, { fingerprint: sender.fingerprint, ...amends.madeBy, epoch })
        log.queue.push({ name, at: now, offset: head.offset })
      }
      return { status: 'accepted', position: { epoch, offset, id }, duplicate: true, timestampMs }
    }
    prune(log, sentMs, PRUNED, now)
    const position = { epoch, offset: head.offset + 1, id }
    const { offset } = position
    if (name !== undefined && fingerprint !== undefined) {
      log.records.set(name, { fingerprint, timestampMs, ...position })
      if (sender) log.queue.push({ name, at: now, offset })
    }
    if (amends?.status === 'changed') {
      replace(log, amends.target, `${amends.open[0]}${offset}${amends.open[1]}`)
      rewrite(log, amends.redactions)
      react(log, amends, offset)
    }
    const entry = { offset, id, previousId: head.id, text: entryText(open, epoch, offset) }
    log.entries.push({ ...entry, open, at: now, key: idempotency && name })
    log.head = position
    if (readBy !== undefined) log.marks.set(readBy, position)
    this.#trim(log, now)
    this.#logs.set(stream, log, now + idleMs)
    publish(stream, { kind: 'entry', epoch, entry })
    return { status: 'accepted', position, duplicate: false, timestampMs }
  }

  read({ now }: Turn, stream: string, range: Range, idAt: number | undefined, newEpoch: string): ReadReply {
    const log = this.#logs.get(stream, now) ?? newLog(newEpoch)
    if (!this.#logs.get(stream, now)) this.#logs.set(stream, log, now + this.settings.dedupeMs)
    this.#trim(log, now)
    const { epoch, head } = log
    const shown = range.messagesOnly ? log.entries.filter(({ text }) => !isAmendmentText(text)) : log.entries
    const found =
      'after' in range
        ? shown.filter(({ offset }) => offset > range.after)
        : shown.filter(({ offset }) => offset < (range.before ?? Number.POSITIVE_INFINITY)).reverse()
    const entries: LogEntry[] = []
    let room = range.maxBytes
    for (const kept of found.slice(0, range.limit)) {
      room -= bytesOf(kept)
      if (room < 0 && entries.length > 0) break
      const { offset, id, previousId, text } = kept
      entries.push({ offset, id, previousId, text })
    }
    return {
      epoch,
      head,
      oldestOffset: log.entries[0]?.offset ?? head.offset + 1,
      entries,
      more: range.messagesOnly ? found.length > entries.length : undefined,
      idAt: idAt === undefined ? undefined : idOf(idAt, log),
    }
  }

  readReactions({ now }: Turn, stream: string, fields: readonly string[]): ReactionsReply {
    const log = this.#logs.get(stream, now)
    return { epoch: log?.epoch, fields: fields.map((field) => log?.reactions.get(field) ?? null) }
  }

  moveMark({ now }: Turn, stream: string, reader: Reader, to: Position) {
    const log = this.#logs.get(stream, now)
    if (!log) return undefined
    const known = log.marks.get(reader.userId)?.offset ?? 0
    const there = to.offset === log.head.offset ? log.head.id : entryAt(log, to.offset)?.id
    const moved = to.epoch === log.epoch && to.offset > known && there === to.id
    if (moved) log.marks.set(reader.userId, to)
    return { ...this.#unread(log, reader), moved }
  }

  unread({ now }: Turn, stream: string, reader: Reader): Reading | undefined {
    const log = this.#logs.get(stream, now)
    return log && this.#unread(log, reader)
  }

  #unread({ entries, marks, head }: Log, reader: Reader): Reading {
    const mark = marks.get(reader.userId)
    const above = entries.filter(({ offset }) => offset > (mark?.offset ?? 0)).reverse()
    const texts = above.map(({ text }) => text)
    return { mark, head, ...countUnread(texts, reader) }
  }

  marks({ now }: Turn, stream: string): readonly UserMark[] {
    return [...(this.#logs.get(stream, now)?.marks ?? [])].map(([userId, mark]) => ({ userId, mark }))
  }

  /** The amendments of one message, up to one of them. */
  edits({ now }: Turn, stream: string, from: number): FoundEdits {
    const all = this.#logs.get(stream, now)?.entries.filter(({ text }) => isAmendmentText(text)) ?? []
    const messageOf = ({ text }: Kept) => targetOf(JSON.parse(text)).offset
    const newest = all.find(({ offset }) => offset === from)
    const entries = newest
      ? all.filter((kept) => kept.offset <= from && messageOf(kept) === messageOf(newest))
      : []
    return { entries: entries.reverse(), next: undefined }
  }

  rewrite({ now }: Turn, stream: string, rewrites: readonly Rewrite[]): boolean {
    const log = this.#logs.get(stream, now)
    return !log || rewrite(log, rewrites)
  }

  standing({ now }: Turn, stream: string): StreamState {
    const { idleMs } = this.settings
    const presenceVersion = this.#presence.get(stream, now)?.version ?? 0
    this.#logs.refresh(stream, now, idleMs)
    this.#presence.refresh(stream, now, idleMs)
    return { presenceVersion, head: this.#logs.get(stream, now)?.head }
  }

  takeTurn({ now }: Turn, ms: number): boolean {
    if (this.#turnEnds > now) return false
    this.#turnEnds = now + ms
    return true
  }

  streams({ now }: Turn): readonly string[] {
    return this.#logs.all(now).map(([stream]) => stream)
  }

  tidy({ now }: Turn, stream: string): void {
    const log = this.#logs.get(stream, now)
    if (!log) return
    this.#trim(log, now)
    prune(log, this.settings.sentMs, log.queue.length, now)
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
    const { profile } = user
    const isRenamed = profile && JSON.stringify(profile) !== JSON.stringify(present.user.profile)
    if (isRenamed) present.user = { ...present.user, profile }
    if (!known) announce(turn, stream, presence, 'enter', present, connection, seen)
    else if (isRenamed) announce(turn, stream, presence, 'update', present, undefined, seen)
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

  /** A record counts only if the log still holds the entry that it names; that of a message without a key, if it held it once. */
  #repeated(log: Log, name: string, isKey: boolean, now: number): Repeatable | undefined {
    const record = log.records.get(name)
    if (!record || hasLost(log, record)) return undefined
    const kept = entryAt(log, record.offset)
    const isKept = kept !== undefined && now - kept.at < this.settings.historyMs
    return isKey && !isKept ? undefined : record
  }

  /** Whether what an amendment was made from is no longer what the log holds. */
  #hasMoved(log: Log, amends: Exclude<Amends, { status: 'refused' }>, now: number): boolean {
    if (amends.status === 'unchanged') return entryAt(log, amends.madeBy.offset)?.id !== amends.madeBy.id
    const target = entryAt(log, amends.target)
    return !target || now - target.at >= this.settings.historyMs || target.open !== amends.read
  }

  #trim(log: Log, now: number): void {
    const { historyCount, historyBytes, historyMs } = this.settings
    const { entries, records } = log
    let bytes = entries.reduce((sum, kept) => sum + bytesOf(kept), 0)
    for (const field of log.reactions.values()) bytes += Buffer.byteLength(field)
    for (let oldest = entries[0]; oldest; oldest = entries[0]) {
      if (entries.length <= historyCount && bytes <= historyBytes && now - oldest.at < historyMs) return
      bytes -= bytesOf(oldest) + dropReactions(log, oldest.offset)
      entries.shift()
      if (oldest.key !== undefined && records.get(oldest.key)?.id === oldest.id) records.delete(oldest.key)
    }
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

function recordOf({ sender, idempotency }: Append): string | undefined {
  if (sender) return JSON.stringify([sender.userId, sender.clientId])
  return idempotency && JSON.stringify([idempotency.key])
}

function newLog(epoch: string): Log {
  const head = { epoch, offset: 0, id: epoch }
  const kept = { records: new Map(), queue: [], forgotten: 0, reactions: new Map(), marks: new Map() }
  return { epoch, head, entries: [], ...kept }
}

function bytesOf({ open }: Kept): number {
  return Buffer.byteLength(open) + OVERHEAD
}

function entryAt({ entries }: Log, offset: number): Kept | undefined {
  return entries[offset - (entries[0]?.offset ?? 0)]
}

function replace(log: Log, offset: number, open: string): void {
  const kept = entryAt(log, offset)
  if (kept)
    log.entries[log.entries.indexOf(kept)] = { ...kept, open, text: entryText(open, log.epoch, offset) }
}

function rewrite(log: Log, rewrites: readonly Rewrite[]): boolean {
  let isDone = true
  for (const { offset, id, open, read } of rewrites) {
    const kept = entryAt(log, offset)
    if (kept?.id !== id) continue
    if (kept.open === read) replace(log, offset, open)
    else isDone = false
  }
  return isDone
}

/** Returns the bytes that they took. */
function dropReactions({ reactions }: Log, offset: number): number {
  let bytes = 0
  for (const field of reactionFields(offset)) {
    bytes += Buffer.byteLength(reactions.get(field) ?? '')
    reactions.delete(field)
  }
  return bytes
}

function react(log: Log, { target, reactions: change }: Changed, offset: number): void {
  if (change?.kind === 'drop') dropReactions(log, target)
  if (!change || change.kind === 'drop') return
  const { field } = change
  const lines = (log.reactions.get(field)?.split('\n') ?? []).filter((line) => isKept(log, line, change))
  if (change.kind === 'note') lines.push(`${offset} ${change.isOn ? '+' : '-'} ${change.name}`)
  if (lines.length > 0) log.reactions.set(field, lines.join('\n'))
  else log.reactions.delete(field)
}

type Changed = Extract<Amends, { status: 'changed' }>

function isKept(
  { entries, head }: Log,
  line: string,
  change: Exclude<ReactionsChange, { kind: 'drop' }>,
): boolean {
  const [at = '', sign = ''] = line.split(' ', 2)
  const name = line.slice(at.length + sign.length + 2)
  const isOther = change.kind === 'note' ? name !== change.name : !name.startsWith(change.start)
  return isOther && (sign === '+' || Number(at) >= (entries[0]?.offset ?? head.offset + 1))
}

function hasLost(log: Log, { offset, id }: Pick<Position, 'offset' | 'id'>): boolean {
  if (offset >= log.head.offset) return offset > log.head.offset || id !== log.head.id
  const there = entryAt(log, offset)
  return there !== undefined && there.id !== id
}

function prune(log: Log, window: number, most: number, now: number): void {
  for (let left = most; left > 0; left--) {
    const [oldest] = log.queue
    if (!oldest || now - oldest.at < window) return
    log.queue.shift()
    log.records.delete(oldest.name)
    log.forgotten = Math.max(log.forgotten, oldest.offset)
  }
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

function idOf(asked: number, log: Log): string | undefined {
  if (asked === log.head.offset) return log.head.id
  const [oldest] = log.entries
  return oldest && asked === oldest.offset - 1 ? oldest.previousId : entryAt(log, asked)?.id
}

function nameOf({ stream, userId, connection }: PresentConnection): string {
  return JSON.stringify([stream, userId, connection])
}
