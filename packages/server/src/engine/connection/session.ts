import { OWN_STREAM } from '@roomful/protocol'
import type { Position } from '../../api/backplane.js'
import { ExcessCounter, MinuteCounter, type Rate } from '../../util/rate-limit.js'

/** A connection's place in one room. */
export interface Membership {
  /** The room's name on the wire. */
  readonly roomId: string
  /** The last message that this connection had accepted here. */
  lastAccepted: { readonly clientId: string; readonly position: Position } | undefined
  /** The version of the member list that this connection was given last: the same one is not given again. */
  listVersion: number | undefined
}

/** How far a connection has come: an unauthenticated one may only authenticate. */
export type Standing = 'unauthenticated' | 'authenticating' | 'authenticated'

/** The rates that a session is held to. */
export interface Rates {
  readonly messages: Rate
  readonly bytes: Rate
  readonly joins: Rate
  readonly history: Rate
}

/** What a connection may spend, or a user, by when it will be whole again. */
export interface Budget {
  messages: number
  bytes: number
}

export function newBudget(): Budget {
  return { messages: 0, bytes: 0 }
}

/** What a connection is and may do. Decisions read it; the edges change it. */
export class Session<U extends { readonly id: string }> {
  user: U | undefined
  standing: Standing = 'unauthenticated'
  /** Whose share of the node it uses: the user's, or, while users are anonymous, that of their address. */
  account = ''
  /** Whether it sent `auth`, and so understands the extension-only types. */
  extended = false
  /** Monotonic time at which its authentication ends. */
  expiresAt = Number.POSITIVE_INFINITY
  readonly rooms = new Map<string, Membership>()
  /** Where a message without `room_id` goes. Leaving it leaves none: an earlier room would leak private text. */
  defaultRoom: string | undefined
  /** Rooms whose resume is being paged, with the offset it has reached: joins that go on from there are not rationed. */
  #paging: Map<string, number> | undefined
  /** Rooms that a join is on its way to, counted with `rooms` so that a flood of joins cannot pass the limit. */
  #joining: Set<string> | undefined

  readonly budget = newBudget()
  /** The user's, where several of its connections share one. */
  userBudget: Budget | undefined
  /** Their budgets, as well. */
  joins = 0
  history = 0
  pageBytes = 0
  /** Made when first needed: few sessions ever need them. */
  #strikes: ExcessCounter | undefined
  #unparseable: MinuteCounter | undefined

  constructor(
    readonly rates: Rates,
    readonly startedAt: number,
  ) {}

  /** Rooms, entered or about to be. */
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
