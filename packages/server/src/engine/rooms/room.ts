import { OWN_STREAM } from '@roomful/protocol'
import type {
  LogEntry,
  Position,
  PresenceChange,
  StreamEvent,
  Subscription,
} from '../../api/contracts/backplane.js'
import { Audience } from '../delivery/audience.js'
import { Typing } from './typing.js'

/** A stream on this node: its local audience, and the position up to which its log has been passed on. */
export class Room {
  readonly audience = new Audience()
  readonly typing = new Typing()
  /** The newest count that has not been sent to a large room yet. */
  notice: { readonly type: 'user_joined' | 'user_left'; readonly count: number } | undefined
  /** Whether members learn each other's names; false in a large room. */
  announced = true
  /** The number of users on all nodes, as last heard. */
  count = 0
  /** The earliest time at which the members of a large room may be listed again. */
  listAt = 0
  /**
   * The number of joins in progress. While there are any, `tail` and `changes` keep what arrives, because the joins'
   * pages do not contain it.
   */
  joiners = 0
  tail: LogEntry[] = []
  changes: PresenceChange[] = []
  subscription: Subscription | undefined
  /** The budget of all members for amendments: when it will be full again. */
  amendments = 0
  /** The entry that a member was told last to be in the log. On Redis, it may be ahead of what the node has heard. */
  acknowledged: Position | undefined
  /** How often the log broke. A page that was read before the last break may not fit what comes after it. */
  breaks = 0
  #head: Position | undefined
  /** Events that arrived before the head was known. */
  #early: StreamEvent[] = []

  constructor(readonly stream: string) {}

  /** The room's name on the wire. */
  get id(): string {
    return this.isOwnStream ? OWN_STREAM : this.stream
  }

  get isOwnStream(): boolean {
    return this.stream.startsWith('@')
  }

  get isUnused(): boolean {
    return this.audience.size === 0 && this.joiners === 0
  }

  /** The position up to which entries have been passed on. */
  get head(): Position {
    if (!this.#head) throw new Error('The room is not open yet')
    return this.#head
  }

  /** Sets the starting position; returns the events that arrived before it was known. */
  open(head: Position): readonly StreamEvent[] {
    this.#head = head
    const early = this.#early
    this.#early = []
    return early
  }

  /** Holds an event back while the head is unknown. */
  defer(event: StreamEvent): boolean {
    if (this.#head) return false
    this.#early.push(event)
    return true
  }

  /** Accepts the next entry in order; returns false if it was already passed on. */
  advance(entry: LogEntry, epoch: string): boolean {
    if (entry.offset <= this.head.offset) return false
    this.#head = { epoch, offset: entry.offset, id: entry.id }
    if (this.joiners > 0) this.tail.push(entry)
    return true
  }

  /** The log broke: continues after `head`, wherever that is. */
  rebase(head: Position): void {
    this.#head = head
    this.breaks++
    this.tail = []
  }

  endJoin(): void {
    this.joiners--
    if (this.joiners > 0) return
    this.tail = []
    this.changes = []
  }
}

/** The stream for a room's name on the wire, as used by one user. */
export function streamOf(roomId: string, userId: string): string {
  return roomId === OWN_STREAM ? userStream(userId) : roomId
}

const USER_STREAM = '@user:'

/** No room id starts with `@`, so no room can be another user's stream. */
export function userStream(userId: string): string {
  return `${USER_STREAM}${userId}`
}

/** A stream, as the application names it: a room, or a user's own stream. */
export function roomOf(stream: string): { readonly roomId: string; readonly userId?: string } {
  if (!stream.startsWith(USER_STREAM)) return { roomId: stream }
  return { roomId: OWN_STREAM, userId: stream.slice(USER_STREAM.length) }
}
