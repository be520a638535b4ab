import type { Break, LogEntry, LogPage, OwnReactions, Position } from '../../api/contracts/backplane.js'
import type { Covers } from '../../backplane/log/page.js'
import { type Frames, TailedFrame, TextFrame } from './frames.js'
import type { MarkList } from './mark-list.js'
import type { MemberList } from './member-list.js'

/** The largest size of a `joined` or `history` frame without its lists: it contains the room's name twice. */
const HEAD_BYTES = 2_048

export type PageFrame = Frames & { readonly payloadBytes: number }

/** What the joiner has read and not read, and how far others have. */
export interface JoinedReading {
  readonly mark: Position | undefined
  readonly unread: number
  readonly mentions: number
  /** Absent where members do not learn it, or if the list is too long. */
  readonly others: MarkList | undefined
}

export interface Joined {
  readonly roomId: string
  readonly timestamp: string
  readonly position: Position
  readonly entries: readonly LogEntry[]
  readonly more: boolean
  readonly covers: Covers | undefined
  /** JSON: what the authors of these messages are called. */
  readonly users: string | undefined
  /** What the reader reacted to these messages: the one part of a page of messages that is not the same for all. */
  readonly own: readonly OwnReactions[]
  /** Why the requested resume has a gap. */
  readonly fault: Break | undefined
  readonly isResume: boolean
  readonly count?: number | undefined
  readonly version?: number | undefined
  /** Absent if the connection already has the list, or does not get one. */
  readonly members?: MemberList | undefined
  /** Absent for base clients, for all pages but the last, and where the store keeps no marks. */
  readonly reading?: JoinedReading | undefined
  readonly ref: string | undefined
}

export function joinedFrame(joined: Joined): PageFrame {
  const head = {
    type: 'joined',
    room_id: joined.roomId,
    message: `Welcome to room ${joined.roomId}`,
    timestamp: joined.timestamp,
    ...joined.position,
    more: joined.more,
    covers: joined.covers,
    count: joined.count,
    presence_version: joined.version,
    ...readingFields(joined.reading),
    recovered: joined.isResume ? joined.fault === undefined : undefined,
    reason: joined.fault,
    own_reactions: ownTail(joined.own),
    ref: joined.ref,
  }
  const { users, members, reading } = joined
  return pageFrame(head, joined.entries, { members, users: users && { text: users }, marks: reading?.others })
}

function readingFields(reading: JoinedReading | undefined): object {
  if (!reading) return {}
  const { mark, unread, mentions } = reading
  return { mark, unread, ...(mentions > 0 && { mentions }) }
}

/** A page of a log, and the offsets that it accounts for. */
export type CoveringPage = LogPage &
  Pick<Joined, 'covers' | 'users'> & {
    /** For a page around a message: whether there are further messages after it. */
    readonly moreAfter?: boolean
  }

/** Such a page for one reader. */
export type OwnPage = CoveringPage & { readonly own: readonly OwnReactions[] }

export function historyFrame(roomId: string, page: OwnPage, ref: string | undefined): PageFrame {
  const head = {
    type: 'history',
    room_id: roomId,
    epoch: page.epoch,
    more: page.more,
    more_after: page.moreAfter,
    covers: page.covers,
    oldest_offset: page.oldestOffset,
    truncated: page.truncated,
    own_reactions: ownTail(page.own),
    ref,
  }
  return pageFrame(head, page.entries, { users: page.users && { text: page.users } })
}

function ownTail(own: readonly OwnReactions[]): readonly OwnReactions[] | undefined {
  return own.length > 0 ? own : undefined
}

/** Lists that are JSON texts already, by the names of their fields. */
type Lists = Readonly<Record<string, { readonly text: string } | '' | undefined>>

function pageFrame(head: object, entries: readonly LogEntry[], lists: Lists): PageFrame {
  let start = JSON.stringify(head).slice(0, -1)
  for (const [name, list] of Object.entries(lists)) if (list) start += `,"${name}":${list.text}`
  return new TailedFrame(`${start},"messages":`, listOf(entries))
}

export function snapshotFrame(roomId: string, version: number, members: MemberList): TextFrame {
  const head = JSON.stringify({ type: 'presence', room_id: roomId, version, event: 'snapshot' })
  return new TextFrame(`${head.slice(0, -1)},"members":${members.text}}`)
}

/** Lists of entries as JSON, kept for as long as their pages are: many members may get the same page. */
const lists = new WeakMap<readonly LogEntry[], Buffer>()

/** The entries are JSON texts already. They are inserted without parsing and serialising them again. */
function listOf(entries: readonly LogEntry[]): Buffer {
  const known = lists.get(entries)
  if (known) return known
  const list = Buffer.from(`[${entries.map((entry) => entry.text).join(',')}]`)
  lists.set(entries, list)
  return list
}

/** How many bytes of entries fit into a page of this size. */
export function pageSpace(pageBytes: number): number {
  return pageBytes - Math.min(HEAD_BYTES, pageBytes / 8)
}

/** The bytes of these entries in a page. */
export function bytesOf(entries: readonly LogEntry[]): number {
  return entries.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0)
}
