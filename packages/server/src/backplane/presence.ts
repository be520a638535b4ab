import { isDeepStrictEqual } from 'node:util'
import type { JsonObject } from '@roomful/protocol'
import type {
  NodeLink,
  PresenceChange,
  PresenceEvent,
  PresenceSnapshot,
  PresentUser,
} from '../api/contracts/backplane.js'
import { heapBytes } from '../util/heap-bytes.js'

/** The measured cost of a user without profile and state, in bytes. */
const USER_BYTES = 320

/** A snapshot after the changes that are newer than it. */
export function withChanges(
  snapshot: PresenceSnapshot,
  changes: readonly PresenceChange[],
): PresenceSnapshot {
  return changes.filter(({ version }) => version > snapshot.version).reduce(withChange, snapshot)
}

function withChange({ users }: PresenceSnapshot, change: PresenceChange): PresenceSnapshot {
  const { event, user, version, count } = change
  const others = users?.filter(({ userId }) => userId !== user.userId)
  return { users: others && event !== 'leave' ? [...others, user] : others, count, version }
}

interface Present {
  user: PresentUser
  bytes: number
  /** A set, not a counter: when an old socket closes late, it must not remove a new socket's membership. */
  readonly connections: Set<string>
  graceUntil: number | undefined
}

/** The users in a room, each with their connections. */
export class Presence {
  readonly #users = new Map<string, Present>()
  #inGrace = 0
  #version = 0
  #bytes = 0

  get count(): number {
    return this.#users.size
  }

  get version(): number {
    return this.#version
  }

  get isEmpty(): boolean {
    return this.#users.size === 0
  }

  /** The approximate memory of the users, in bytes. */
  get bytes(): number {
    return this.#bytes
  }

  /** Whether any users are in their grace period. */
  get hasGrace(): boolean {
    return this.#inGrace > 0
  }

  users(): PresentUser[] {
    // Each join lists the users: Array.from would allocate an object for each.
    const users: PresentUser[] = []
    for (const { user } of this.#users.values()) users.push(user)
    return users
  }

  has(userId: string): boolean {
    return this.#users.has(userId)
  }

  /** How many more bytes it takes once a user has this state. */
  costOfState(userId: string, state: JsonObject): number {
    const present = this.#users.get(userId)
    return present ? bytesOf({ ...present.user, state }) - present.bytes : 0
  }

  /** Adds a connection. Returns a change only if the user was not present, or has another profile now. */
  enter(user: PresentUser, connection: string): PresenceChange | undefined {
    const present = this.#users.get(user.userId)
    if (!present) {
      const connections = new Set([connection])
      const bytes = bytesOf(user)
      this.#users.set(user.userId, { user, bytes, connections, graceUntil: undefined })
      this.#bytes += bytes
      return this.#change('enter', user)
    }
    present.connections.add(connection)
    this.#endGrace(present)
    const { profile = present.user.profile } = user
    if (isDeepStrictEqual(profile, present.user.profile)) return undefined
    return this.#replace(present, { ...present.user, ...(profile && { profile }) })
  }

  update(userId: string, state: JsonObject): PresenceChange | undefined {
    const present = this.#users.get(userId)
    return present && this.#replace(present, { ...present.user, state })
  }

  #replace(present: Present, user: PresentUser): PresenceChange {
    present.user = user
    this.#bytes -= present.bytes
    present.bytes = bytesOf(user)
    this.#bytes += present.bytes
    return this.#change('update', user)
  }

  /** Removes a connection. If it was the user's last and `graceUntil` is given, the user stays until then. */
  leave(userId: string, connection: string, graceUntil?: number): PresenceChange | undefined {
    const present = this.#users.get(userId)
    if (!present?.connections.delete(connection) || present.connections.size > 0) return undefined
    if (graceUntil === undefined) return this.#remove(present)
    present.graceUntil = graceUntil
    this.#inGrace++
    return undefined
  }

  /** Removes the users whose grace period is over. */
  expire(now: number): PresenceChange[] {
    if (this.#inGrace === 0) return []
    const over = [...this.#users.values()].filter(
      ({ graceUntil }) => graceUntil !== undefined && graceUntil <= now,
    )
    return over.map((present) => this.#remove(present))
  }

  #remove(present: Present): PresenceChange {
    this.#endGrace(present)
    this.#users.delete(present.user.userId)
    this.#bytes -= present.bytes
    return this.#change('leave', present.user)
  }

  #endGrace(present: Present): void {
    if (present.graceUntil === undefined) return
    present.graceUntil = undefined
    this.#inGrace--
  }

  #change(event: PresenceEvent, user: PresentUser): PresenceChange {
    this.#version++
    return { event, user, version: this.#version, count: this.#users.size }
  }
}

/** Reports to the node who entered or left; a changed state is neither. */
export function reportOccupancy(
  node: NodeLink,
  stream: string,
  { event, user, count }: PresenceChange,
): void {
  if (event !== 'update') node.occupancyChanged?.(stream, { event, userId: user.userId, count })
}

/** The approximate memory of one user, in bytes. */
export function bytesOf({ profile, state }: PresentUser): number {
  return USER_BYTES + heapBytes(profile) + heapBytes(state)
}
