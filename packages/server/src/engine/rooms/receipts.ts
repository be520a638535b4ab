import type { Position } from '../../api/contracts/log.js'
import type { MarkStore, UserMark } from '../../api/contracts/marks.js'
import { TextFrame } from '../connection/frames.js'
import type { FanOut } from '../delivery/fan-out.js'
import type { Room } from './room.js'

type MarksByUser = Map<string, Position>

/**
 * Shows members how far others have read: the list when they join, then at most one change a second for each user. Large
 * rooms, and users' own streams, have none.
 */
export class Receipts {
  /** What came since the last change was sent. */
  #waiting = new Map<Room, MarksByUser>()
  /** What was sent then: a list that was read before does not have it. */
  #sent = new Map<Room, MarksByUser>()
  #lists = new Map<string, Promise<readonly UserMark[]>>()

  constructor(
    private readonly store: MarkStore | undefined,
    private readonly fanOut: FanOut,
    private readonly most: number,
  ) {}

  add(room: Room, userId: string, mark: Position): void {
    if (!hasReceipts(room)) return
    const waiting = this.#waiting.get(room) ?? new Map()
    this.#waiting.set(room, waiting.set(userId, mark))
  }

  /** The marks of a room's users. Members who join at about the same time share the list. */
  async list(room: Room): Promise<readonly UserMark[] | undefined> {
    if (!this.store || !hasReceipts(room)) return undefined
    const { stream } = room
    const reading = this.#lists.get(stream) ?? this.store.list(stream, this.most)
    this.#lists.set(stream, reading)
    const marks = new Map((await reading).map(({ userId, mark }) => [userId, mark]))
    for (const newer of [this.#sent.get(room), this.#waiting.get(room)])
      for (const [userId, mark] of newer ?? []) marks.set(userId, later(marks.get(userId), mark))
    return [...marks]
      .map(([userId, mark]) => ({ userId, mark }))
      .filter(({ mark }) => mark.epoch === room.head.epoch)
  }

  /** Called soon, because marks are moved without a notification. */
  forget(): void {
    this.#lists = new Map()
  }

  /** Called once a second. */
  sweep(): void {
    for (const [room, marks] of this.#waiting) {
      if (!hasReceipts(room)) continue
      for (const [user_id, { epoch, offset, id }] of marks) {
        // The room was deleted meanwhile.
        if (epoch !== room.head.epoch) continue
        const frame = TextFrame.of({ type: 'read_marked', room_id: room.id, user_id, epoch, offset, id })
        const options = { volatile: true, extendedOnly: true, exceptUser: user_id }
        this.fanOut.deliver(room.audience, { frame, options })
      }
    }
    this.#sent = this.#waiting
    this.#waiting = new Map()
  }
}

function later(one: Position | undefined, other: Position): Position {
  return one?.epoch === other.epoch && one.offset > other.offset ? one : other
}

function hasReceipts({ announced, isOwnStream }: Room): boolean {
  return announced && !isOwnStream
}
