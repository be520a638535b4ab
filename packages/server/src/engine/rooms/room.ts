import { OWN_STREAM } from '@roomful/protocol'
import type { LogEntry, Position, PresenceChange, StreamEvent, Subscription } from '../../api/backplane.js'
import { Audience } from '../delivery/audience.js'
import { Typing } from './typing.js'

/** A stream as this node sees it: its audience here, and how far its log has been carried to it. */
export class Room {
  readonly audience = new Audience()
  readonly typing = new Typing()
  /** The newest count that a large room has not been told yet. */
  notice: { readonly type: 'user_joined' | 'user_left'; readonly count: number } | undefined
  /** Whether members are told each other's names; false in a large room. */
  announced = true
  /** Users, as far as a change has told. */
  count: number | undefined
  /** When the members of a large room may be listed again. */
  listAt = 0
  /** Joins under way. While there are any, `tail` and `changes` keep what arrives, for it is not in what they read. */
  joiners = 0
  tail: LogEntry[] = []
  changes: PresenceChange[] = []
  subscription: Subscription | undefined
  /** How often the log broke: a page that was read before the last time may not fit what comes after it. */
  breaks = 0
  #head: Position | undefined
  /** What arrived before the head was known. */
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

  /** Sets the starting point; returns what arrived before it was known. */
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

  /** Takes the next entry in order; false if it was passed on before. */
  advance(entry: LogEntry, epoch: string): boolean {
    if (entry.offset <= this.head.offset) return false
    this.#head = { epoch, offset: entry.offset, id: entry.id }
    if (this.joiners > 0) this.tail.push(entry)
    return true
  }

  /** Goes on after `head`, wherever it was: the log broke. */
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

/** The stream behind a room's name on the wire, as one user means it. */
export function streamOf(roomId: string, userId: string): string {
  return roomId === OWN_STREAM ? userStream(userId) : roomId
}

const USER_STREAM = '@user:'

/** No room id starts with `@`, so that no room can be another user's stream. */
export function userStream(userId: string): string {
  return `${USER_STREAM}${userId}`
}

/** A stream as the application names it: a room, or that of a user. */
export function roomOf(stream: string): { readonly roomId: string; readonly userId?: string } {
  if (!stream.startsWith(USER_STREAM)) return { roomId: stream }
  return { roomId: OWN_STREAM, userId: stream.slice(USER_STREAM.length) }
}
