import type { JsonObject } from '@roomful/protocol'
import type {
  NodeLink,
  PresenceChange,
  PresenceSnapshot,
  PresentUser,
  StreamEvent,
} from '../api/contracts/backplane.js'
import { Presence, reportOccupancy } from './presence.js'

type Listener = (event: StreamEvent) => void

interface Followed {
  readonly presence: Presence
  readonly listeners: Set<Listener>
}

/** The users in the rooms of one process. */
export class LocalPresence {
  readonly #rooms = new Map<string, Followed>()
  /** Rooms with users in their grace period. */
  readonly #inGrace = new Set<string>()

  constructor(private readonly node: NodeLink) {}

  /** Returns an unsubscribe function. */
  listen(name: string, listener: Listener): () => void {
    this.#open(name).listeners.add(listener)
    return () => {
      this.#rooms.get(name)?.listeners.delete(listener)
      this.#closeIfUnused(name)
    }
  }

  enter(name: string, user: PresentUser, connection: string): PresenceSnapshot {
    const room = this.#open(name)
    this.#announce(name, room, room.presence.enter(user, connection), connection)
    return this.#snapshot(room.presence)
  }

  update(name: string, userId: string, state: JsonObject): void {
    const room = this.#rooms.get(name)
    if (room) this.#announce(name, room, room.presence.update(userId, state), undefined)
  }

  /** If `graceUntil` is given, the user of the last connection stays until then. */
  leave(name: string, userId: string, connection: string, graceUntil: number | undefined): void {
    const room = this.#rooms.get(name)
    if (!room) return
    this.#announce(name, room, room.presence.leave(userId, connection, graceUntil), connection)
    if (room.presence.hasGrace) this.#inGrace.add(name)
    this.#closeIfUnused(name)
  }

  present(name: string): PresenceSnapshot {
    const room = this.#rooms.get(name)
    return room ? this.#snapshot(room.presence) : { users: [], count: 0, version: 0 }
  }

  /** Removes the users whose grace period is over. */
  sweep(now: number): void {
    for (const name of this.#inGrace) {
      const room = this.#rooms.get(name)
      if (room) for (const change of room.presence.expire(now)) this.#announce(name, room, change, undefined)
      if (!room?.presence.hasGrace) this.#inGrace.delete(name)
      this.#closeIfUnused(name)
    }
  }

  clear(): void {
    this.#rooms.clear()
    this.#inGrace.clear()
  }

  #open(name: string): Followed {
    const known = this.#rooms.get(name)
    if (known) return known
    const room = { presence: new Presence(), listeners: new Set<Listener>() }
    this.#rooms.set(name, room)
    return room
  }

  #closeIfUnused(name: string): void {
    const room = this.#rooms.get(name)
    if (room?.listeners.size === 0 && room.presence.isEmpty) this.#rooms.delete(name)
  }

  #snapshot(presence: Presence): PresenceSnapshot {
    const { count, version } = presence
    return { users: count <= this.node.listedMembers ? presence.users() : undefined, count, version }
  }

  #announce(
    name: string,
    { listeners }: Followed,
    change: PresenceChange | undefined,
    connection: string | undefined,
  ): void {
    if (!change) return
    // The user's own connections learn of their new profile too.
    const exceptFor = change.event === 'update' ? undefined : connection
    for (const listener of listeners) listener({ kind: 'presence', change, connection: exceptFor })
    reportOccupancy(this.node, name, change)
  }
}
