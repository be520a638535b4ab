import type {
  Backplane,
  Position,
  PresenceChange,
  PresenceSnapshot,
  StreamEvent,
} from '../../api/contracts/backplane.js'
import type { Limits } from '../../api/options/limits.js'
import { isAmendmentText } from '../../backplane/log/amending.js'
import { withChanges } from '../../backplane/presence.js'
import { TextFrame } from '../connection/frames.js'
import { type MemberList, memberList, toMember } from '../connection/member-list.js'
import { snapshotFrame } from '../connection/page-frames.js'
import type { FanOut } from '../delivery/fan-out.js'
import { Room } from './room.js'

/**
 * The share of its limits to which a room must shrink before its members are listed again. Without it, a single user
 * joining and leaving at the limit would have the list sent over and over.
 */
const LISTED_AGAIN = 0.9
/** When to check again whether a list that was too long fits. */
const TOO_LONG_MS = 10_000

/** The rooms with members on this node. An empty room is removed at once, with everything in it. */
export class Rooms {
  readonly #rooms = new Map<string, Room>()
  readonly #opening = new Map<string, Promise<void>>()
  /** Rooms that are too large for their members to learn each other's names. */
  readonly #large = new Set<Room>()

  constructor(
    private readonly backplane: Backplane,
    private readonly fanOut: FanOut,
    private readonly limits: Limits,
  ) {}

  get size(): number {
    return this.#rooms.size
  }

  get(stream: string): Room | undefined {
    return this.#rooms.get(stream)
  }

  *all(): IterableIterator<Room> {
    yield* this.#rooms.values()
  }

  /** Subscribes if nobody on this node has yet, and keeps the room open for a join until `release`. */
  async acquire(stream: string): Promise<Room> {
    const room = this.#rooms.get(stream) ?? new Room(stream)
    this.#rooms.set(stream, room)
    room.joiners++
    try {
      if (!room.subscription) await this.#open(room)
    } catch (error) {
      this.release(room)
      throw error
    }
    return room
  }

  release(room: Room): void {
    room.endJoin()
    this.closeIfUnused(room)
  }

  closeIfUnused(room: Room): void {
    if (!room.isUnused || this.#rooms.get(room.stream) !== room) return
    this.#rooms.delete(room.stream)
    this.#large.delete(room)
    room.subscription?.close()
    room.subscription = undefined
  }

  /** Sends each large room its latest count, and lists the members of those that have become small. */
  sweepLarge(now: number): void {
    const few = Math.ceil(LISTED_AGAIN * this.limits.listedMembers)
    for (const room of this.#large) {
      this.#tellCount(room)
      if (room.count <= few && now >= room.listAt) this.#listAgain(room, now)
    }
  }

  /** The list of members for a connection that joins; `undefined` in a large room, or if the list is too long. */
  listFor(room: Room, { users, count }: PresenceSnapshot): MemberList | undefined {
    if (!room.announced) return undefined
    const list = users && memberList(users, this.#listBytes)
    if (list === undefined) this.#stopListing(room, count)
    return list
  }

  /** Half of a page; the other half is for messages. */
  get #listBytes(): number {
    return this.limits.pageBytes / 2
  }

  /** Several joins at once share one subscription. */
  #open(room: Room): Promise<void> {
    const underWay = this.#opening.get(room.stream)
    if (underWay) return underWay
    const opening = this.#subscribe(room).finally(() => this.#opening.delete(room.stream))
    this.#opening.set(room.stream, opening)
    return opening
  }

  /** Subscribes first and then reads the head; otherwise entries published in between would be lost. */
  async #subscribe(room: Room): Promise<void> {
    const subscription = await this.backplane.subscribe(room.stream, (event) => this.#receive(room, event))
    try {
      const { head } = await this.backplane.read(room.stream, { before: undefined, limit: 0, maxBytes: 0 })
      room.subscription = subscription
      for (const event of room.open(head)) this.#receive(room, event)
    } catch (error) {
      subscription.close()
      throw error
    }
  }

  #receive(room: Room, event: StreamEvent): void {
    if (room.defer(event)) return
    switch (event.kind) {
      case 'entry':
        if (!room.advance(event.entry, event.epoch)) return
        this.#tellEntry(room, event.entry.text)
        return
      case 'presence':
        if (room.joiners > 0) room.changes.push(event.change)
        this.#tellPresence(room, event.change, event.connection)
        return
      case 'presence_missed':
        if (room.announced) this.#tellSnapshot(room, Number.POSITIVE_INFINITY)
        return
      case 'resync':
        room.rebase(event.head)
        this.#tellResync(room, event.reason, event.head)
        return
    }
  }

  /** A base client does not learn of amendments: it has no messages but those of the base protocol. */
  #tellEntry(room: Room, text: string): void {
    const frame = new TextFrame(text)
    if (isAmendmentText(text)) this.fanOut.deliver(room.audience, { frame, options: { extendedOnly: true } })
    else this.fanOut.deliver(room.audience, { frame })
  }

  #tellResync(room: Room, reason: string, head: Position): void {
    const frame = TextFrame.of({ type: 'resync', room_id: room.id, reason, ...head })
    this.fanOut.deliver(room.audience, { frame, options: { extendedOnly: true } })
  }

  #tellPresence(room: Room, change: PresenceChange, connection: string | undefined): void {
    const { event, user, count } = change
    if (room.announced && count > this.limits.listedMembers) this.#stopListing(room, count)
    room.count = count
    if (room.announced) this.#tellDiff(room, change, connection)
    if (event === 'update') return
    const type = event === 'enter' ? 'user_joined' : 'user_left'
    if (room.announced) this.#notify(room, type, count, { userId: user.userId, connection })
    else room.notice = { type, count }
  }

  #tellDiff(room: Room, { event, user, version }: PresenceChange, connection: string | undefined): void {
    const frame = TextFrame.of({
      type: 'presence',
      room_id: room.id,
      version,
      event,
      members: [toMember(user)],
    })
    const options = { extendedOnly: true, exceptConnection: connection }
    this.fanOut.deliver(room.audience, { frame, notice: event !== 'update', options })
  }

  /** From now on, the room's members get at most one count a second. */
  #stopListing(room: Room, count: number): void {
    room.announced = false
    room.count = count
    this.#large.add(room)
  }

  /** Sent before anything newer, since a postponed count would otherwise overwrite it. */
  #tellCount(room: Room): void {
    if (!room.notice) return
    this.#notify(room, room.notice.type, room.notice.count, {})
    room.notice = undefined
  }

  /**
   * Changes are sent only after the list: before it, members would see a gap in their versions, and request the list.
   */
  #listAgain(room: Room, now: number): void {
    room.listAt = Number.POSITIVE_INFINITY
    void this.#tellSnapshot(room, LISTED_AGAIN * this.#listBytes).then((bytes) => {
      const cost = bytes * room.audience.size
      room.listAt = now + (bytes > 0 ? (1_000 * cost) / this.limits.listBytesPerSecond : TOO_LONG_MS)
    })
  }

  /** Returns the number of bytes in the list; 0 if there is none to send. */
  async #tellSnapshot(room: Room, maxBytes: number): Promise<number> {
    try {
      const frame = await this.#readSnapshot(room, Math.min(maxBytes, this.#listBytes))
      const isLarge = room.count > this.limits.listedMembers
      if (frame === undefined || isLarge || room.isUnused) return 0
      this.#tellCount(room)
      room.announced = true
      this.#large.delete(room)
      this.fanOut.deliver(room.audience, { frame, options: { extendedOnly: true } })
      return frame.payloadBytes
    } catch {
      // With the next change, members notice a gap in the version, and request the list.
      return 0
    }
  }

  /**
   * Includes the changes that arrived meanwhile: they have been sent already, and the snapshot must not undo them.
   */
  async #readSnapshot(room: Room, maxBytes: number): Promise<TextFrame | undefined> {
    room.joiners++
    const known = room.changes.length
    try {
      const snapshot = await this.backplane.present(room.stream)
      const { users, count, version } = withChanges(snapshot, room.changes.slice(known))
      room.count = count
      const members = users && memberList(users, maxBytes)
      return members && snapshotFrame(room.id, version, members)
    } finally {
      this.release(room)
    }
  }

  #notify(
    room: Room,
    type: 'user_joined' | 'user_left',
    count: number,
    about: { readonly userId?: string; readonly connection?: string | undefined },
  ): void {
    const message = type === 'user_joined' ? 'A user joined the room' : 'A user left the room'
    const frame = TextFrame.of({ type, message, count, room_id: room.id, user_id: about.userId })
    const options = { volatile: true, exceptConnection: about.connection }
    this.fanOut.deliver(room.audience, { frame, notice: true, options })
  }
}
