import { type ClientMessageOf, ERRORS, OWN_STREAM, RoomfulError } from '@roomful/protocol'
import type { User } from '../../api/api.js'
import type { Backplane, Break, PresenceSnapshot } from '../../api/contracts/backplane.js'
import type { Reading, UserMark } from '../../api/contracts/marks.js'
import type { Limits } from '../../api/options/limits.js'
import { folded } from '../../backplane/log/folding.js'
import { ownAfter } from '../../backplane/log/own-reactions.js'
import { withChanges } from '../../backplane/presence.js'
import type { Access } from '../application/access.js'
import type { ApplicationCalls } from '../application/calls.js'
import type { Contexts } from '../application/contexts.js'
import type { HookCalls } from '../application/hook-calls.js'
import type { Allowances } from '../connection/allowances.js'
import type { Arrival } from '../connection/arrival.js'
import { mayReturn } from '../connection/closing.js'
import type { Connection } from '../connection/connection.js'
import { type MarkList, markList } from '../connection/mark-list.js'
import { type MemberList, toPresent } from '../connection/member-list.js'
import {
  bytesOf,
  type CoveringPage,
  type Joined,
  type JoinedReading,
  pageSpace,
} from '../connection/page-frames.js'
import { type Refs, refsOfMessage } from '../connection/refs.js'
import type { Replies } from '../connection/replies.js'
import type { Membership } from '../connection/session.js'
import type { FanOut } from '../delivery/fan-out.js'
import { channels, isTraced, traced } from '../process/tracing.js'
import { bannedIn } from './bans.js'
import type { Marks } from './marks.js'
import { ownReactionsIn } from './own-reactions.js'
import type { Receipts } from './receipts.js'
import { type Room, streamOf } from './room.js'
import type { Rooms } from './rooms.js'
import type { SharedPages } from './shared-pages.js'
import type { TypingNotices } from './typing-notices.js'
import type { Watches } from './watches.js'

export interface MembershipsDeps {
  readonly allowances: Allowances
  readonly access: Access
  readonly hooks: HookCalls
  readonly calls: ApplicationCalls
  readonly replies: Replies
  readonly backplane: Backplane
  readonly rooms: Rooms
  readonly pages: SharedPages
  readonly marks: Marks
  readonly watches: Watches
  readonly receipts: Receipts
  readonly typing: TypingNotices
  readonly fanOut: FanOut
  readonly limits: Limits
  readonly contexts: Contexts
}

type Join = ClientMessageOf<'join'>

const MAX_PAGE = 1_000
/** How often one join reads its page again if the log keeps breaking. */
const MAX_READS = 10
const BROKEN_LOG_RETRY_MS = 1_000
/** When to retry on a node that has reached its limit of rooms. */
const FULL_RETRY_MS = 5_000

/** Handles joining and leaving rooms, and the presence that comes with membership. */
export class Memberships {
  constructor(private readonly deps: MembershipsDeps) {}

  join(connection: Connection, message: Join, arrival: Arrival): Promise<void> {
    if (!isTraced(channels.join)) return this.#join(connection, message, arrival)
    const { id: connectionId, session } = connection
    const trace = { connectionId, userId: session.user?.id, roomId: message.room_id }
    return traced(channels.join, trace, () => this.#join(connection, message, arrival))
  }

  async #join(connection: Connection, message: Join, arrival: Arrival): Promise<void> {
    const { session } = connection
    const refs = refsOfMessage(message)
    session.startJoin(message.room_id)
    try {
      const denied =
        (await this.#ban(connection, message)) ??
        (await this.deps.access.authorize(connection, 'join', message.room_id)) ??
        (await this.#askJoinHook(connection, message, arrival))
      if (denied) return this.deny(connection, message.room_id, denied, refs)
      await this.deps.allowances.page(connection, this.#mostBytes(connection, message), () =>
        this.#enter(connection, message),
      )
    } finally {
      session.endJoin(message.room_id)
    }
  }

  /** Ends a membership. With `mayReturn`, the user stays present for the grace period. */
  async leave(connection: Connection, roomId: string, mayReturn: boolean): Promise<void> {
    const { rooms, backplane, hooks } = this.deps
    const { session } = connection
    const { user } = session
    if (!user) return
    session.leaveRoom(roomId)
    session.endPaging(roomId)
    const room = rooms.get(streamOf(roomId, user.id))
    if (!room) return
    this.deps.typing.stop(room, user.id, connection.id)
    room.audience.remove(connection.id)
    rooms.closeIfUnused(room)
    if (hooks.names.has('leave')) {
      const context = this.deps.contexts.inRoom(connection, roomId)
      hooks.tell('on.leave', context, (set) => set.leave?.(context))
    }
    if (!room.isOwnStream) await backplane.leave(room.stream, user.id, connection.id, mayReturn)
  }

  /** Refuses a join or a history page. A member whose access was withdrawn is removed as well. */
  async deny(connection: Connection, roomId: string, error: RoomfulError, refs: Refs): Promise<void> {
    const { replies } = this.deps
    replies.fail(connection, error, refs)
    if (error.code === 'forbidden') this.deps.watches.end(connection, roomId)
    if (error.code !== 'forbidden' || !connection.session.rooms.has(roomId)) return
    await this.leave(connection, roomId, false)
    if (connection.session.extended)
      replies.send(connection, { type: 'left', room_id: roomId, reason: 'forbidden' })
  }

  /** Ends a membership as the server wishes, or a join in progress: the decision that admitted it no longer holds. */
  expel(connection: Connection, roomId: string, reason: 'kicked' | 'banned', error: RoomfulError): void {
    const { session } = connection
    this.deps.watches.end(connection, roomId)
    session.endJoin(roomId)
    session.endPaging(roomId)
    if (!session.rooms.has(roomId)) return
    this.remove(connection, roomId, false)
    const retry_after_ms = error.retryAfterMs
    if (session.extended)
      this.deps.replies.send(connection, { type: 'left', room_id: roomId, reason, retry_after_ms })
    else this.deps.replies.fail(connection, error, { roomId })
  }

  /** Ends a membership without anybody waiting for it: the connection is gone, or was disconnected. */
  remove(connection: Connection, roomId: string, mayReturn: boolean): void {
    this.leave(connection, roomId, mayReturn).catch((error: unknown) => {
      this.deps.calls.report('A connection could not leave its room', error, undefined)
    })
  }

  /** Why the user may not come in. A member who was banned is removed. */
  #ban({ session }: Connection, { room_id: roomId }: Join): undefined | Promise<RoomfulError | undefined> {
    const { backplane } = this.deps
    const isMember = session.rooms.has(roomId) || session.pagedTo(roomId) !== undefined
    if (!backplane.restrictions || !session.user || isMember || roomId === OWN_STREAM) return undefined
    return bannedIn(backplane, roomId, session.user.id)
  }

  /** Calls the join hook for a new member. For an existing member, it was called when they first joined. */
  async #askJoinHook(
    connection: Connection,
    message: Join,
    arrival: Arrival,
  ): Promise<RoomfulError | undefined> {
    const { hooks } = this.deps
    const { session } = connection
    const wasAsked = session.rooms.has(message.room_id) || session.pagedTo(message.room_id) !== undefined
    if (!hooks.names.has('join') || wasAsked) return undefined
    const context = this.deps.contexts.inRoom(connection, message.room_id, arrival)
    return hooks.ask('on.join', context, (set) => set.join?.(context))
  }

  /**
   * The largest possible answer to a join, in bytes: with messages only if it requests some, with members only if it
   * will list them.
   */
  #mostBytes({ session }: Connection, { since, history }: Join): number {
    const half = this.deps.limits.pageBytes / 2
    return (since || history ? half : 0) + (since || session.extended ? half : 0)
  }

  async #enter(connection: Connection, message: Join): Promise<void> {
    assertJoining(connection, message)
    const { rooms, limits, replies } = this.deps
    const { user } = connection.session
    if (!user) return
    const stream = streamOf(message.room_id, user.id)
    if (!rooms.get(stream) && rooms.size >= limits.rooms) {
      const full = new RoomfulError('unavailable', { retryAfterMs: FULL_RETRY_MS })
      return replies.fail(connection, full, refsOfMessage(message))
    }
    const room = await rooms.acquire(stream)
    try {
      await this.#readAndAttach(connection, message, room)
    } finally {
      rooms.release(room)
    }
  }

  /** Starts over if the log broke meanwhile, because a page from before does not fit what comes after. */
  async #readAndAttach(connection: Connection, message: Join, room: Room): Promise<void> {
    for (let read = 0; read < MAX_READS; read++) {
      const { breaks } = room
      const [page, marks] = await Promise.all([
        this.#readOwnPage(connection, room, message),
        this.#readMarks(connection, room),
      ])
      assertJoining(connection, message)
      if (page && this.#wantsMore(connection, message, page))
        return this.#sendPage(connection, room, message, page)
      const presence = await this.#enterPresence(connection, message, room)
      const unread = marks && this.#unreadNow(connection, room, marks)
      const isWhole = room.breaks === breaks && (!page || page.epoch === room.head.epoch)
      if (isWhole && (unread || !marks))
        return this.#attach(connection, room, message, { page, presence, unread })
    }
    await this.#leavePresence(connection, room)
    throw new RoomfulError('unavailable', { retryAfterMs: BROKEN_LOG_RETRY_MS, roomId: message.room_id })
  }

  async #enterPresence(
    connection: Connection,
    message: Join,
    room: Room,
  ): Promise<PresenceSnapshot | undefined> {
    if (room.isOwnStream) return undefined
    const presence = await this.deps.backplane.enter(
      room.stream,
      toPresent(userOf(connection)),
      connection.id,
    )
    if (!isJoining(connection, message)) await this.#leavePresence(connection, room)
    assertJoining(connection, message)
    return presence
  }

  async #leavePresence(connection: Connection, { stream, isOwnStream }: Room): Promise<void> {
    const { user } = connection.session
    if (user && !isOwnStream)
      await this.deps.backplane.leave(stream, user.id, connection.id, mayReturn(connection))
  }

  async #readOwnPage(connection: Connection, room: Room, message: Join): Promise<OwnPage | undefined> {
    const page = await this.#readPage(connection, room, message)
    const { user, extended } = connection.session
    if (!page || !user || !extended) return page && { ...page, own: [] }
    const reader = { stream: room.stream, epoch: page.epoch, userId: user.id }
    return { ...page, own: await ownReactionsIn(this.deps.backplane.reactions, reader, page.entries) }
  }

  async #readPage({ session }: Connection, room: Room, { since, history }: Join): Promise<Page | undefined> {
    if (!since) return history === undefined ? undefined : this.#readNewest(room, history, undefined)
    const maxBytes = pageSpace(this.deps.limits.pageBytes)
    const replaysAll = session.extended
    // A base client could do nothing with amendments.
    const kind = replaysAll ? {} : { messagesOnly: true }
    const range = { after: since.offset, limit: MAX_PAGE, maxBytes, ...kind }
    const page = await this.deps.pages.read(room, range, since)
    if (page.fault) return this.#readNewest(room, history ?? 0, page.fault)
    return { ...page, replaysAll }
  }

  async #readNewest(room: Room, limit: number, fault: Break | undefined): Promise<Page> {
    const maxBytes = pageSpace(this.deps.limits.pageBytes / 2)
    const range = { before: undefined, limit, maxBytes, messagesOnly: true }
    const page = await this.deps.pages.read(room, range)
    return { ...page, fault, replaysAll: false }
  }

  /** `undefined` for a base client, and where the store keeps no marks. */
  async #readMarks({ session: { user, extended } }: Connection, room: Room) {
    if (!user || !extended) return undefined
    const { marks, receipts } = this.deps
    const [reading, others] = await Promise.all([marks.reading(room, user.id), receipts.list(room)])
    return reading && { reading, others }
  }

  /** With what came since the store counted. `undefined` if it has to count again. */
  #unreadNow(
    { session: { user } }: Connection,
    room: Room,
    { reading, others }: { readonly reading: Reading; readonly others: readonly UserMark[] | undefined },
  ): Unread | undefined {
    const { head } = reading
    if (!user || (head && head.epoch !== room.head.epoch)) return undefined
    const unread = this.deps.marks.current(reading, room, user.id)
    return unread && { ...unread, others: others?.filter(({ userId }) => userId !== user.id) }
  }

  /** Whether there is more to read, or no space for the list of members in this page. */
  #wantsMore({ session }: Connection, message: Join, { fault, more, entries }: Page): boolean {
    if (message.since === undefined || fault !== undefined) return false
    return more || (session.extended && bytesOf(entries) > this.deps.limits.pageBytes / 2)
  }

  /** Sends one page of a resume that takes several; the connection is not live until the last. */
  #sendPage(connection: Connection, room: Room, message: Join, page: OwnPage): void {
    room.audience.suspend(connection.id)
    const { epoch, head, entries, covers, own, users } = page
    const last = page.more ? entries.at(-1) : undefined
    const position = last ? { epoch, offset: last.offset, id: last.id } : head
    connection.session.startPaging(message.room_id, position.offset)
    this.#sendJoined(connection, message, {
      position,
      entries,
      covers,
      own,
      users,
      more: true,
      fault: undefined,
    })
  }

  /**
   * Nothing is awaited between reading the missing entries and going live, so history and live messages meet without
   * a gap.
   */
  #attach(connection: Connection, room: Room, message: Join, { page, presence, unread }: Read): void {
    const { session } = connection
    if (!session.user) return
    this.deps.fanOut.attach(room.audience, connection, session.user.id)
    session.endPaging(message.room_id)
    // Uses the room's own string: that of the message would keep its memory for as long as the connection.
    const membership = session.enterRoom(room.id)
    const current = presence && withChanges(presence, room.changes)
    if (current) room.count = current.count
    const list = current && session.extended ? this.#listFor(membership, room, current) : undefined
    this.#sendJoined(connection, message, {
      position: room.head,
      ...contentOf(page, room, session.user.id),
      users: page?.users,
      more: false,
      fault: page?.fault,
      count: current?.count,
      ...list,
      reading: unread && { ...unread, others: this.#marksFor(unread, list?.members) },
    })
  }

  /** `undefined` if the connection already has the list, which is a thousand times as long as a join. */
  #listFor(
    membership: Membership,
    room: Room,
    presence: PresenceSnapshot,
  ): Pick<Joined, 'members' | 'version'> | undefined {
    const members = this.deps.rooms.listFor(room, presence)
    if (members === undefined) return undefined
    const { version } = presence
    const isKnown = membership.listVersion === version
    membership.listVersion = version
    return { members: isKnown ? undefined : members, version }
  }

  /** In the half of a page that the list of members leaves. */
  #marksFor({ others }: Unread, members: MemberList | undefined): MarkList | undefined {
    const left = this.deps.limits.pageBytes / 2 - (members ? Buffer.byteLength(members.text) : 0)
    return others && markList(others, left)
  }

  #sendJoined(connection: Connection, { room_id: roomId, since, ref }: Join, answer: Answer): void {
    const { replies, allowances, watches } = this.deps
    const bytes = replies.joined(connection, { ...answer, roomId, isResume: since !== undefined, ref })
    allowances.charge(connection, bytes)
    watches.joined(connection, roomId)
  }
}

/** What a new member gets. */
interface Read {
  readonly page: OwnPage | undefined
  readonly presence: PresenceSnapshot | undefined
  readonly unread: Unread | undefined
}

type Unread = Omit<JoinedReading, 'others'> & { readonly others: readonly UserMark[] | undefined }

type Page = CoveringPage & {
  readonly fault: Break | undefined
  /** Whether it has every entry, for a reader that applies amendments itself. */
  readonly replaysAll: boolean
}

/** A page as one reader gets it. */
type OwnPage = Page & Pick<Joined, 'own'>

/** The entries that a new member gets: those of its page, and what came after the page was read. */
function contentOf(
  page: OwnPage | undefined,
  { head, tail }: Room,
  userId: string,
): Pick<Joined, 'entries' | 'covers' | 'own'> {
  if (!page) return { entries: [], covers: undefined, own: [] }
  const late = tail.filter((entry) => entry.offset > page.head.offset)
  const from = page.covers?.from ?? page.head.offset + 1
  const covers = from <= head.offset ? { from, to: head.offset } : undefined
  const { own } = page
  if (!page.replaysAll)
    return { entries: folded(page.entries, late), covers, own: ownAfter(own, late, userId) }
  return { entries: late.length > 0 ? [...page.entries, ...late] : page.entries, covers, own }
}

type Answer = Omit<Joined, 'roomId' | 'timestamp' | 'isResume' | 'ref'>

function isJoining({ isOpen, session }: Connection, { room_id }: Join): boolean {
  return isOpen && session.isJoining(room_id)
}

/** @throws RoomfulError `forbidden` if the joiner was kicked, or has left, while something was awaited */
function assertJoining(connection: Connection, message: Join): void {
  if (!isJoining(connection, message)) throw new RoomfulError('forbidden')
}

function userOf({ session: { user } }: Connection): User {
  if (!user) throw new RoomfulError('not_authenticated', { message: ERRORS.not_authenticated.text })
  return user
}
