import type { Backplane, StreamEvent } from './backplane.js'
import type { Position } from './core/log.js'
import { type PresenceChange, type PresentUser, withChanges } from './core/presence.js'
import type { FanOut } from './fanout.js'
import type { Limits } from './limits.js'
import { Room } from './room.js'

/** The rooms with members on this node. An empty one is given up at once, with all that it holds. */
export class Rooms {
  readonly #rooms = new Map<string, Room>()
  readonly #opening = new Map<string, Promise<void>>()

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

  /** Subscribes, if no one here has yet, and holds the room open for a join until `release`. */
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
    room.subscription?.close()
    room.subscription = undefined
  }

  /** Lets the latest count of each large room go out. */
  tellCounts(): void {
    for (const room of this.#rooms.values()) {
      if (!room.notice) continue
      this.#notify(room, room.notice.type, room.notice.count, {})
      room.notice = undefined
    }
  }

  /** Several joins at once share one subscription. */
  #open(room: Room): Promise<void> {
    const underWay = this.#opening.get(room.stream)
    if (underWay) return underWay
    const opening = this.#subscribe(room).finally(() => this.#opening.delete(room.stream))
    this.#opening.set(room.stream, opening)
    return opening
  }

  /** Subscribes first and reads the head then: the other way round, what is published in between would be lost. */
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
        this.fanOut.push(room, { text: event.entry.text })
        return
      case 'presence':
        if (room.joiners > 0) room.changes.push(event.change)
        this.#tellPresence(room, event.change, event.connection)
        return
      case 'presence_missed':
        if (room.announced) this.#tellSnapshot(room)
        return
      case 'resync':
        room.rebase(event.head)
        this.#tellResync(room, event.reason, event.head)
        return
    }
  }

  #tellResync(room: Room, reason: string, head: Position): void {
    const text = JSON.stringify({ type: 'resync', room_id: room.id, reason, ...head })
    this.fanOut.push(room, { text, terms: { extendedOnly: true } })
  }

  #tellPresence(room: Room, change: PresenceChange, connection: string | undefined): void {
    const { event, user, count } = change
    const announced = room.announced && count <= this.limits.announcedUsers
    if (announced) this.#tellDiff(room, change, connection)
    else if (room.announced || count <= this.limits.announcedUsers) this.#turnAnnouncing(room, count)
    if (event === 'update') return
    const type = event === 'enter' ? 'user_joined' : 'user_left'
    if (announced) this.#notify(room, type, count, { userId: user.userId, connection })
    else room.notice = { type, count }
  }

  #tellDiff(room: Room, { event, user, version }: PresenceChange, connection: string | undefined): void {
    const text = JSON.stringify({
      type: 'presence',
      room_id: room.id,
      version,
      event,
      members: [toMember(user)],
    })
    const terms = { extendedOnly: true, exceptConnection: connection }
    this.fanOut.push(room, { text, notice: event !== 'update', terms })
  }

  /** A room that grew past the limit tells only its count; one that shrank below it sends its whole list again. */
  #turnAnnouncing(room: Room, count: number): void {
    room.announced = count <= this.limits.announcedUsers
    if (room.announced) this.#tellSnapshot(room)
  }

  #tellSnapshot(room: Room): void {
    this.#readSnapshot(room).then(
      (text) => {
        if (text !== undefined) this.fanOut.push(room, { text, terms: { extendedOnly: true } })
      },
      () => {
        // Members see a gap in the version with the next change, and ask again.
      },
    )
  }

  /** As the changes that came meanwhile leave it: those have been told already, and it must not take them back. */
  async #readSnapshot(room: Room): Promise<string | undefined> {
    room.joiners++
    const known = room.changes.length
    try {
      const snapshot = await this.backplane.present(room.stream)
      const { users, version } = withChanges(snapshot, room.changes.slice(known))
      const members = users?.map(toMember)
      return (
        members && JSON.stringify({ type: 'presence', room_id: room.id, version, event: 'snapshot', members })
      )
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
    const text = JSON.stringify({ type, message, count, room_id: room.id, user_id: about.userId })
    const terms = { volatile: true, exceptConnection: about.connection }
    this.fanOut.push(room, { text, notice: true, terms })
  }
}

/** A user as member lists show it. */
export function toMember({ userId, profile, state }: PresentUser): object {
  return profile || state ? { user_id: userId, profile, state } : { user_id: userId }
}
