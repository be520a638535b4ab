import { compileShape, type RoomfulError } from '@roomful/protocol'
import type {
  LogEntry,
  Position,
  PresenceChange,
  PresenceSnapshot,
  PresentUser,
} from '../../api/contracts/backplane.js'
import type { ConsumerClaim, FeedEntry } from '../../api/contracts/change-feed.js'
import { entryText } from '../log/log.js'
import type { ChangesReply } from './change-store.js'
import type {
  AppendReply,
  Entered,
  GraceEnd,
  NodeRelay,
  PresentConnection,
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
  if (status === 'conflict' || status === 'out_of_order') return { status }
  if (status !== 'accepted' && status !== 'duplicate') throw malformed(reply)
  const position = { epoch: text(epoch), offset: Number(offset), id: text(id) }
  return { status: 'accepted', position, duplicate: status === 'duplicate', timestampMs: Number(timestampMs) }
}

export function readReply(reply: unknown): ReadReply {
  const [epoch, offset, id, oldest, idAt, page] = list(reply)
  const head = position(epoch, offset, id)
  return {
    epoch: head.epoch,
    head,
    oldestOffset: Number(oldest),
    idAt: typeof idAt === 'string' ? idAt : undefined,
    entries: list(page).map((raw) => {
      const [at, entryId, previousId, open] = texts(raw)
      return entry(head.epoch, at, entryId, previousId, open)
    }),
  }
}

/** What {@link readReply} takes apart for a log of a stream; the text of an entry is the one that `add_change` made. */
export function changesReply(reply: unknown): ChangesReply {
  const [epoch, offset, id, , idAt, page] = list(reply)
  const head = position(epoch, offset, id)
  return {
    head,
    idAt: typeof idAt === 'string' ? idAt : undefined,
    entries: list(page).map((raw) => {
      const [number, entryId, , line, at] = texts(raw)
      return change(
        { epoch: head.epoch, offset: natural(number), id: text(entryId) },
        text(line),
        natural(at),
      )
    }),
  }
}

/** The message is one line; a stream's name may be several. */
function change(cursor: Position, line: string, timestampMs: number): FeedEntry {
  const [epoch, offset, previousId] = line.split('\n', 3)
  const start = [epoch, offset, previousId, ''].join('\n').length
  const end = line.lastIndexOf('\n')
  if (end < start) throw malformed(line)
  const one = entry(text(epoch), offset, cursor.id, previousId, line.slice(end + 1))
  return { stream: line.slice(start, end), epoch: text(epoch), entry: one, timestampMs, cursor }
}

export function claimReply(reply: unknown): ConsumerClaim | undefined {
  const [cursor] = texts(reply)
  if (cursor === undefined) return undefined
  if (cursor === '') return { cursor: undefined }
  const [epoch, offset, id] = cursor.split('\n')
  return { cursor: { epoch: text(epoch), offset: natural(offset), id: text(id) } }
}

export function streamState(reply: unknown): StreamState {
  const [version, epoch, offset, id] = list(reply)
  return {
    presenceVersion: Number(version),
    head: epoch === undefined ? undefined : position(epoch, offset, id),
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
      return { kind, epoch: text(epoch), entry: entry(text(epoch), offset, id, previousId, open) }
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

function entry(epoch: string, at: unknown, id: unknown, previousId: unknown, open: unknown): LogEntry {
  const offset = natural(at)
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
