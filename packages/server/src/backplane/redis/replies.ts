import { compileShape, type JsonObject, type RoomfulError } from '@roomful/protocol'
import { is } from '@roomful/protocol/options'
import type {
  LogEntry,
  Position,
  PresenceChange,
  PresenceSnapshot,
  PresentUser,
  RestrictedUser,
} from '../../api/contracts/backplane.js'
import type { ConsumerClaim, FeedEntry } from '../../api/contracts/change-feed.js'
import type { Reading, UserMark } from '../../api/contracts/marks.js'
import { entryText } from '../log/log.js'
import type { AppendReply } from './append.js'
import type { ChangesReply } from './change-store.js'
import { NO_LINE, parseLine } from './feed-line.js'
import type { FoundEdits, FoundEntries, FoundEntry } from './log-editor.js'
import type {
  Entered,
  GraceEnd,
  NodeRelay,
  PresentConnection,
  ReactionsReply,
  ReadReply,
  StreamMessage,
  StreamState,
} from './store.js'
import { unavailable } from './unavailable.js'

/**
 * These functions parse the results and publications of the scripts in `lua/`.
 * @throws RoomfulError for anything else
 */
export function appendReply(reply: unknown): AppendReply {
  const [status, epoch, offset, id, timestampMs] = texts(reply)
  if (status === 'conflict' || status === 'forgotten' || status === 'out_of_order') return { status }
  if (status === 'refused' || status === 'moved') return { status }
  if (status === 'muted' || status === 'banned') return { status, forMs: timeLeft(epoch) }
  if (status !== 'accepted' && status !== 'duplicate') throw malformed(reply)
  const position = { epoch: text(epoch), offset: Number(offset), id: text(id) }
  return { status: 'accepted', position, duplicate: status === 'duplicate', timestampMs: Number(timestampMs) }
}

export function bannedFor(reply: unknown): number | undefined {
  const [left] = list(reply)
  return left === undefined ? undefined : timeLeft(left)
}

/** Who is restricted, and the cursor of the next page, which is 0 after the last. */
export function restrictedUsers(reply: unknown): {
  readonly next: string
  readonly users: readonly RestrictedUser[]
} {
  const [next, ...fields] = list(reply)
  const users: RestrictedUser[] = []
  for (let at = 0; at < fields.length; at += 3) {
    const [userId, muted, banned] = fields.slice(at, at + 3)
    users.push({
      userId: String(userId),
      ...(muted !== '0' && { mutedForMs: timeLeft(muted) }),
      ...(banned !== '0' && { bannedForMs: timeLeft(banned) }),
    })
  }
  return { next: String(next), users }
}

/** Empty for what does not end by itself. */
function timeLeft(left: unknown): number {
  return left === '' ? Number.POSITIVE_INFINITY : natural(left)
}

export function readReply(reply: unknown, direction: 1 | -1): ReadReply {
  const { head, oldestOffset, idAt, first, raws, offsets, more } = page(reply)
  const { epoch } = head
  const entries = raws.map((raw, index) => {
    const { id, previousId, open } = parts(raw)
    const offset = offsets ? natural(offsets[index]) : first + index * direction
    return entry(epoch, offset, id, previousId, open)
  })
  return { epoch, head, oldestOffset, idAt, entries, more }
}

export function reactionsReply(reply: unknown): ReactionsReply {
  const [state, ...fields] = list(reply)
  const epoch = typeof state === 'string' ? state.split('\n', 1)[0] : undefined
  return { epoch, fields: fields.map((field) => (typeof field === 'string' ? field : null)) }
}

/** What {@link readReply} is for the log of a stream; what was blanked is left out. */
export function changesReply(reply: unknown): ChangesReply {
  const { head, idAt, first, raws } = page(reply)
  const { epoch } = head
  const read = raws.map((raw, index) => ({ ...parts(raw), cursor: { epoch, offset: first + index } }))
  const entries = read.flatMap(({ id, at, open, cursor }) =>
    open === NO_LINE ? [] : [change({ ...cursor, id }, open, at)],
  )
  const last = read.at(-1)
  return { head, idAt, entries, last: last && { ...last.cursor, id: last.id } }
}

function change(cursor: Position, text: string, timestampMs: number): FeedEntry {
  const line = parseLine(text)
  if (!line) throw malformed(text)
  const { epoch, offset, previousId, stream, open } = line
  return {
    stream,
    epoch,
    entry: entry(epoch, natural(offset), cursor.id, previousId, open),
    timestampMs,
    cursor,
  }
}

/** The parts of what the script that reads a log returns. */
function page(reply: unknown) {
  const [epoch, offset, id, oldest, idAt, first, raws, offsets, more] = list(reply)
  return {
    head: position(epoch, offset, id),
    oldestOffset: Number(oldest),
    idAt: typeof idAt === 'string' ? idAt : undefined,
    first: Number(first),
    raws: texts(raws),
    /** For a page of messages alone: their offsets, and whether there are more. */
    offsets: offsets ? texts(offsets) : undefined,
    more: more === undefined ? undefined : more === 1,
  }
}

/** An entry as a log holds it; only its text may have several lines. */
function parts(raw: string) {
  const [id = '', previousId = '', at = '', field = ''] = raw.split('\n', 4)
  const open = raw.slice(id.length + previousId.length + at.length + field.length + 4)
  return { id, previousId, at: natural(at), open }
}

export function foundEntries(reply: unknown): FoundEntries {
  const [last, more, head, ...found] = list(reply)
  const entries = foundOnes(found)
  return { entries, last: natural(last), more: more === 1, head: natural(head) }
}

export function foundEdits(reply: unknown): FoundEdits {
  const [next, edits] = list(reply)
  return { entries: foundOnes(list(edits)), next: next === '' ? undefined : natural(next) }
}

function foundOnes(found: readonly unknown[]): readonly FoundEntry[] {
  const entries: FoundEntry[] = []
  for (let i = 0; i + 1 < found.length; i += 2) {
    const { id, open } = parts(text(found[i + 1]))
    entries.push({ offset: natural(found[i]), id, open })
  }
  return entries
}

/** `undefined` if there is no log. */
export function reading(reply: unknown): Reading | undefined {
  const [epoch, offset, id, markedOffset, markedId, unread, mentions] = list(reply)
  if (epoch === undefined) return undefined
  const head = position(epoch, offset, id)
  const mark = markedOffset === '' ? undefined : position(epoch, markedOffset, markedId)
  return { mark, head, unread: Number(unread), mentions: Number(mentions) }
}

/** Whether the script that moves a mark has done so. */
export function hasMoved(reply: unknown): boolean {
  return list(reply).at(-1) === 1
}

export function marks(reply: unknown): readonly UserMark[] {
  const [epoch, ...found] = texts(reply)
  const marks: UserMark[] = []
  for (let i = 0; i + 2 < found.length; i += 3)
    marks.push({ userId: text(found[i]), mark: position(epoch, found[i + 1], found[i + 2]) })
  return marks
}

export function time(reply: unknown): number {
  const [seconds, microseconds] = list(reply)
  return natural(seconds) * 1_000 + Math.floor(natural(microseconds) / 1_000)
}

export function scanned(reply: unknown): { readonly cursor: string; readonly keys: readonly string[] } {
  const [cursor, keys] = list(reply)
  return { cursor: text(cursor), keys: texts(keys) }
}

export function claimReply(reply: unknown): ConsumerClaim | undefined {
  const [cursor] = texts(reply)
  if (cursor === undefined) return undefined
  if (cursor === '') return { cursor: undefined }
  const [epoch, offset, id] = cursor.split('\n')
  return { cursor: { epoch: text(epoch), offset: natural(offset), id: text(id) } }
}

export function streamState(log: unknown, version: unknown): StreamState {
  const [epoch, offset, id] = text(log).split('\n')
  return {
    presenceVersion: Number(version),
    head: epoch === '' ? undefined : position(epoch, offset, id),
  }
}

export function entered(reply: unknown): Entered {
  const [isNew, present] = list(reply)
  return { isNew: isNew === 1, snapshot: snapshot(present) }
}

/** The number of users who are left, if somebody left. */
export function usersLeft(reply: unknown): number | undefined {
  const [count] = list(reply)
  return count === undefined ? undefined : Number(count)
}

export function graceEnd(reply: unknown): GraceEnd {
  const [leftMs, count] = list(reply)
  return { leftMs: Number(leftMs), count: count === undefined ? undefined : Number(count) }
}

export function snapshot(reply: unknown): PresenceSnapshot {
  const [version, count, named] = list(reply)
  const users: PresentUser[] = []
  const parts = named === undefined ? [] : texts(named)
  for (let i = 0; i + 1 < parts.length; i += 2) users.push(user(text(parts[i]), text(parts[i + 1])))
  return { users: named === undefined ? undefined : users, count: Number(count), version: Number(version) }
}

export function streamMessage(message: string): StreamMessage {
  const [kind, ...rest] = message.split('\n')
  switch (kind) {
    case 'entry': {
      const [epoch, offset, id, previousId, open] = rest
      return { kind, epoch: text(epoch), entry: entry(text(epoch), natural(offset), id, previousId, open) }
    }
    case 'presence': {
      const [event, version, count, connection, profile, state] = rest
      if (event !== 'enter' && event !== 'update' && event !== 'leave') throw malformed(message)
      const about = user(text(profile), text(state))
      const change: PresenceChange = { event, user: about, version: natural(version), count: natural(count) }
      return { kind, change, connection: connection === '' ? undefined : connection }
    }
    case 'relay':
      return { kind, message: nodeRelay(text(rest[0])) }
    case 'ended':
      return { kind, epoch: text(rest[0]) }
    default:
      throw malformed(message)
  }
}

/**
 * Increased when older nodes could misread the messages of newer ones: they ignore higher versions than their own.
 */
const RELAY_VERSION = 1

const checkRelay = compileShape('version:natural from relay:object')

export function relayText({ from, relay }: NodeRelay): string {
  return JSON.stringify({ version: RELAY_VERSION, from, relay })
}

/** Does not check the relay itself: the node knows what it may be. */
export function nodeRelay(json: string): NodeRelay {
  const message = parsed(json) as NodeRelay & { readonly version: number }
  if (checkRelay(message) !== undefined || message.version !== RELAY_VERSION) throw malformed(json)
  return message
}

/** `undefined` for what another version has written. */
export function profiles(reply: unknown): readonly (JsonObject | undefined)[] {
  return list(reply).map((json) => {
    const profile = typeof json === 'string' ? parsed(json) : undefined
    return is.object.accepts(profile) ? (profile as JsonObject) : undefined
  })
}

export function presentUser({ userId, profile, state }: PresentUser): { profile: string; state: string } {
  return {
    profile: JSON.stringify({ userId, ...(profile && { profile }) }),
    state: state ? JSON.stringify(state) : '',
  }
}

export function membershipText({ stream, userId, connection }: PresentConnection): string {
  return JSON.stringify([stream, userId, connection])
}

/**
 * Leaves out memberships from other versions: the others end anyway, and the rest are removed with the lease's key.
 */
export function memberships(jsons: readonly string[]): PresentConnection[] {
  return jsons.flatMap((json) => {
    try {
      const [stream, userId, connection] = texts(parsed(json))
      return [{ stream: text(stream), userId: text(userId), connection: text(connection) }]
    } catch {
      return []
    }
  })
}

export function texts(reply: unknown): string[] {
  return list(reply).map(text)
}

function list(reply: unknown): unknown[] {
  if (Array.isArray(reply)) return reply
  throw malformed(reply)
}

function text(value: unknown): string {
  if (typeof value === 'string') return value
  throw malformed(value)
}

function natural(value: unknown): number {
  const number = Number(value)
  if (typeof value === 'string' && value !== '' && Number.isSafeInteger(number) && number >= 0) return number
  throw malformed(value)
}

function position(epoch: unknown, offset: unknown, id: unknown): Position {
  return { epoch: text(epoch), offset: Number(offset), id: text(id) }
}

function entry(epoch: string, offset: number, id: unknown, previousId: unknown, open: unknown): LogEntry {
  return {
    offset,
    id: text(id),
    previousId: text(previousId),
    text: entryText(text(open), epoch, offset),
  }
}

const checkUser = compileShape('userId profile?:object state?:object')

function user(profile: string, state: string): PresentUser {
  const present = { ...(parsed(profile) as PresentUser), ...(state !== '' && { state: parsed(state) }) }
  if (checkUser(present) !== undefined) throw malformed(profile)
  return present as PresentUser
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    // The message of JSON.parse's error would quote the text.
    throw malformed(json)
  }
}

/** Names the kind of reply without its content, which may be a message, and message bodies must not be logged. */
function malformed(reply: unknown): RoomfulError {
  const kind = Array.isArray(reply) ? 'list' : typeof reply
  const length = Array.isArray(reply) || typeof reply === 'string' ? ` of length ${reply.length}` : ''
  return unavailable(
    new TypeError(`Redis returned something that no node or script of this version writes: ${kind}${length}`),
  )
}
