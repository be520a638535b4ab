import { OWN_STREAM } from '@roomful/protocol'
import type { Position } from '../../api/contracts/backplane.js'
import { ExcessCounter, MinuteCounter, type Rate } from '../../util/rate-limit.js'

/** A connection's membership in one room. */
export interface Membership {
  /** The room's name on the wire. */
  readonly roomId: string
  /** The last message that was accepted from this connection in this room. */
  lastAccepted: { readonly clientId: string; readonly position: Position } | undefined
  /** The version of the member list that this connection received last: the same version is not sent again. */
  listVersion: number | undefined
}

/** The state of authentication: until it succeeds, a connection may only authenticate. */
export type Standing = 'unauthenticated' | 'authenticating' | 'authenticated'

/** The rates that apply to a session. */
export interface Rates {
  readonly messages: Rate
  readonly bytes: Rate
  readonly joins: Rate
  readonly history: Rate
}

/** What a connection or a user may still spend: for each rate, the time at which it will be full again. */
export interface Budget {
  messages: number
  bytes: number
}

export function newBudget(): Budget {
  return { messages: 0, bytes: 0 }
}

/** The state of a connection and its rights. `decide` reads it; the edges change it. */
export class Session<U extends { readonly id: string }> {
  user: U | undefined
  standing: Standing = 'unauthenticated'
  /** Whose share of the node it uses: the user's or, for anonymous users, that of their address. */
  account = ''
  /** Whether it has sent `auth`, and so understands extension types. */
  extended = false
  /** Monotonic time at which its authentication expires. */
  expiresAt = Number.POSITIVE_INFINITY
  readonly rooms = new Map<string, Membership>()
  /**
   * The target of messages without `room_id`. Leaving it leaves no default: falling back to an earlier room would
   * leak private text.
   */
  defaultRoom: string | undefined
  /**
   * Rooms whose resume is being paged, with the offset reached so far: joins that continue from there are not
   * rate-limited.
   */
  #paging: Map<string, number> | undefined
  /** Rooms with a join in progress. They count with `rooms`, so that a flood of joins cannot exceed the limit. */
  #joining: Set<string> | undefined

  readonly budget = newBudget()
  /** The user's shared budget, if several connections share one. */
  userBudget: Budget | undefined
  /** The budgets of joins and history. */
  joins = 0
  history = 0
  profiles = 0
  pageBytes = 0
  /** Created when first needed; few sessions ever do. */
  #strikes: ExcessCounter | undefined
  #unparseable: MinuteCounter | undefined

  constructor(
    readonly rates: Rates,
    readonly startedAt: number,
  ) {}

  /** The number of rooms, entered or about to be. */
  get roomCount(): number {
    return this.rooms.size + (this.#joining?.size ?? 0)
  }

  startJoin(roomId: string): void {
    this.#joining ??= new Set()
    this.#joining.add(roomId)
  }

  isJoining(roomId: string): boolean {
    return this.#joining?.has(roomId) ?? false
  }

  endJoin(roomId: string): void {
    this.#joining?.delete(roomId)
    if (this.#joining?.size === 0) this.#joining = undefined
  }

  /** The offset that a paged resume has reached. */
  pagedTo(roomId: string): number | undefined {
    return this.#paging?.get(roomId)
  }

  startPaging(roomId: string, offset: number): void {
    this.#paging ??= new Map()
    this.#paging.set(roomId, offset)
  }

  endPaging(roomId: string): void {
    this.#paging?.delete(roomId)
    if (this.#paging?.size === 0) this.#paging = undefined
  }

  get strikes(): ExcessCounter {
    this.#strikes ??= new ExcessCounter()
    return this.#strikes
  }

  get unparseable(): MinuteCounter {
    this.#unparseable ??= new MinuteCounter()
    return this.#unparseable
  }

  membership(roomId: string | undefined): Membership | undefined {
    const id = roomId ?? this.defaultRoom
    return id === undefined ? undefined : this.rooms.get(id)
  }

  enterRoom(roomId: string): Membership {
    const membership = this.rooms.get(roomId) ?? {
      roomId,
      lastAccepted: undefined,
      listVersion: undefined,
    }
    this.rooms.set(roomId, membership)
    if (roomId !== OWN_STREAM) this.defaultRoom = roomId
    return membership
  }

  leaveRoom(roomId: string): void {
    this.rooms.delete(roomId)
    if (this.defaultRoom === roomId) this.defaultRoom = undefined
  }
}
