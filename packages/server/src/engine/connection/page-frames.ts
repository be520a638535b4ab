import type { Break, LogEntry, LogPage, Position } from '../../api/backplane.js'
import { TextFrame } from './frames.js'
import type { MemberList } from './member-list.js'

/** What a `joined` or `history` frame is apart from its lists, at the most: a room's name is in it twice. */
const HEAD_BYTES = 2_048

export interface Joined {
  readonly roomId: string
  readonly timestamp: string
  readonly position: Position
  readonly entries: readonly LogEntry[]
  readonly more: boolean
  /** Why the resume that was asked for has a gap. */
  readonly fault: Break | undefined
  readonly isResume: boolean
  readonly count?: number | undefined
  readonly version?: number | undefined
  /** Absent where the connection has the list, or does not get one. */
  readonly members?: MemberList | undefined
  readonly ref: string | undefined
}

export function joinedFrame(joined: Joined): TextFrame {
  const head = {
    type: 'joined',
    room_id: joined.roomId,
    message: `Welcome to room ${joined.roomId}`,
    timestamp: joined.timestamp,
    ...joined.position,
    more: joined.more,
    count: joined.count,
    presence_version: joined.version,
    recovered: joined.isResume ? joined.fault === undefined : undefined,
    reason: joined.fault,
    ref: joined.ref,
  }
  return frameWithLists(head, joined.members, joined.entries)
}

export function historyFrame(roomId: string, page: LogPage, ref: string | undefined): TextFrame {
  const head = {
    type: 'history',
    room_id: roomId,
    epoch: page.epoch,
    more: page.more,
    oldest_offset: page.oldestOffset,
    truncated: page.truncated,
    ref,
  }
  return frameWithLists(head, undefined, page.entries)
}

export function snapshotFrame(roomId: string, version: number, members: MemberList): TextFrame {
  return frameWithLists({ type: 'presence', room_id: roomId, version, event: 'snapshot' }, members, undefined)
}

/** The entries of a list are JSON texts already, and are not parsed to be written again. */
function frameWithLists(
  head: object,
  members: MemberList | undefined,
  entries: readonly LogEntry[] | undefined,
): TextFrame {
  let text = JSON.stringify(head).slice(0, -1)
  if (members) text += `,"members":${members.text}`
  if (entries) text += `,"messages":[${entries.map((entry) => entry.text).join(',')}]`
  return new TextFrame(`${text}}`)
}

/** Bytes of entries that a page of so many bytes has space for. */
export function pageSpace(pageBytes: number): number {
  return pageBytes - Math.min(HEAD_BYTES, pageBytes / 8)
}

/** Bytes that entries take in a page. */
export function bytesOf(entries: readonly LogEntry[]): number {
  return entries.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0)
}
