import type { Clock } from '../../api/clock.js'
import type { Limits } from '../../api/limits.js'
import { paid, type Rate, waitFor } from '../../util/rate-limit.js'
import type { Connection } from '../connection/connection.js'
import type { Metrics } from '../metrics.js'
import type { Room } from '../rooms/room.js'
import type { Item, WriteBatch } from './write-batch.js'

type FlushLimits = Pick<
  Limits,
  'flushMs' | 'flushMessages' | 'flushBytes' | 'presenceUpdatesPerSecond' | 'presenceUpdatesBurst'
>

/**
 * Carries messages to connections. What came within one turn of the event loop, or within `flushMs` of a room's first
 * message, goes out together: each frame is built once, and each connection gets one write.
 */
export class FanOut {
  /** Flushed at the end of this turn. */
  #rooms: Room[] = []
  /** Written to at the end of this turn. */
  #connections: Connection[] = []
  #isScheduled = false
  readonly #noticeRate: Rate

  constructor(
    private readonly clock: Clock,
    private readonly metrics: Metrics,
    private readonly limits: FlushLimits,
  ) {
    this.#noticeRate = { perSecond: limits.presenceUpdatesPerSecond, burst: limits.presenceUpdatesBurst }
  }

  /** Sends an item to the members of a room, in order. */
  push(room: Room, item: Item): void {
    if (room.members.size === 0) return
    room.batch.add(item)
    if (this.#isFull(room.batch)) this.#flushIn(room, 0)
    else if (!item.notice) this.#flushIn(room, this.limits.flushMs)
    else if (!room.isScheduled) this.#flushIn(room, this.#noticeWait(room))
  }

  /** Writes to a connection at the end of this turn. */
  wake(connection: Connection): void {
    this.#connections.push(connection)
    this.#schedule()
  }

  /** Hands what waits in a room to the connections of its members. */
  flush(room: Room): void {
    const batch = room.takeBatch()
    if (batch.length === 0) return
    this.metrics.fanOuts++
    for (const member of room.members.values()) {
      const outgoing = batch.shareOf(member)
      member.from = 0
      if (outgoing) member.connection.write(outgoing)
    }
  }

  /** Writes all that waits in these rooms, whatever its time. */
  flushAll(rooms: Iterable<Room>): void {
    for (const room of rooms) this.flush(room)
    this.#endTurn()
  }

  #isFull({ length, size }: WriteBatch): boolean {
    return length >= this.limits.flushMessages || size >= this.limits.flushBytes
  }

  /** A room with many joins and leaves gathers them: a thousand joins must not be a thousand writes to each member. */
  #noticeWait(room: Room): number {
    const now = this.clock.now()
    const wait = waitFor(room.notices, this.#noticeRate, now)
    room.notices = paid(room.notices, this.#noticeRate, now + wait)
    return Math.max(wait, this.limits.flushMs)
  }

  #flushIn(room: Room, ms: number): void {
    const dueAt = this.clock.now() + ms
    if (dueAt >= room.dueAt) return
    room.cancelTimer()
    room.dueAt = dueAt
    if (ms > 0) room.cancelTimer = this.clock.after(ms, () => this.#flushSoon(room))
    else this.#flushSoon(room)
  }

  #flushSoon(room: Room): void {
    this.#rooms.push(room)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.clock.soon(() => this.#endTurn())
  }

  #endTurn(): void {
    const startedAt = this.clock.now()
    this.#isScheduled = false
    const rooms = this.#rooms
    this.#rooms = []
    for (const room of rooms) this.flush(room)
    // After the rooms: a member of several gets one write all the same.
    const connections = this.#connections
    this.#connections = []
    for (const connection of connections) connection.flush()
    this.metrics.fanOutMs += this.clock.now() - startedAt
  }
}
