import type { JsonObject } from '@roomful/protocol'
import type { PresenceChange, PresenceEvent, PresenceSnapshot, PresentUser } from '../api/backplane.js'
import { heapBytes } from '../util/heap-bytes.js'

/** What a user takes beside profile and state, measured. */
const USER_BYTES = 320

/** A snapshot as the later ones of these changes leave it. */
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
  /** A set, not a counter: a late close of an old socket must not take away a new one's membership. */
  readonly connections: Set<string>
  graceUntil: number | undefined
}

/** Who is in a room: distinct users, each by its connections. */
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

  /** Memory that the users take, about. */
  get bytes(): number {
    return this.#bytes
  }

  /** Whether there are users who may return. */
  get hasGrace(): boolean {
    return this.#inGrace > 0
  }

  users(): PresentUser[] {
    // Each join lists them: Array.from would leave an object behind for each.
    const users: PresentUser[] = []
    for (const { user } of this.#users.values()) users.push(user)
    return users
  }

  has(userId: string): boolean {
    return this.#users.has(userId)
  }

  /** Bytes that it takes more once a user has this state. */
  costOfState(userId: string, state: JsonObject): number {
    const present = this.#users.get(userId)
    return present ? bytesOf({ ...present.user, state }) - present.bytes : 0
  }

  /** Adds a connection. A change only if the user was not there. */
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
    return undefined
  }

  update(userId: string, state: JsonObject): PresenceChange | undefined {
    const present = this.#users.get(userId)
    if (!present) return undefined
    present.user = { ...present.user, state }
    this.#bytes -= present.bytes
    present.bytes = bytesOf(present.user)
    this.#bytes += present.bytes
    return this.#change('update', present.user)
  }

  /** Removes a connection. With a `graceUntil`, its user stays until then if that was the last one. */
  leave(userId: string, connection: string, graceUntil?: number): PresenceChange | undefined {
    const present = this.#users.get(userId)
    if (!present?.connections.delete(connection) || present.connections.size > 0) return undefined
    if (graceUntil === undefined) return this.#remove(present)
    present.graceUntil = graceUntil
    this.#inGrace++
    return undefined
  }

  /** Removes the users whose grace is over. */
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

/** Memory that a user of a room takes, about. */
export function bytesOf({ profile, state }: PresentUser): number {
  return USER_BYTES + heapBytes(profile) + heapBytes(state)
}
