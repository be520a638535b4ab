import type { Batch, Item } from './batch.js'
import type { Clock } from './clock.js'
import type { Connection } from './connection.js'
import { ArrivalTurns, type FlushBounds, WriteCost } from './core/flush-window.js'
import { paid, type Rate, waitFor } from './core/rate-limit.js'
import type { Limits } from './limits.js'
import type { Metrics } from './metrics.js'
import { type Outgoing, TextFrame } from './outgoing.js'
import type { Room } from './room.js'

/** Of the writes of a room's flush, how many may go to senders before it. */
const ANSWERS_SHARE = 0.25

/**
 * Carries messages to connections. What came within one turn of the event loop, or, for a room that gets much on a
 * busy server, within its window, goes out together: each frame is built once, and each connection gets one write.
 */
export class FanOut {
  /** Rooms to flush at the end of this turn; one that was flushed since is no longer marked as due. */
  #due: Room[] = []
  /** Rooms with senders to write to. */
  #answering: Room[] = []
  /** Rooms that gather. */
  readonly #gathering = new Set<Room>()
  /** Rooms that have nothing but notices, and had many of late. */
  readonly #waiting = new Set<Room>()
  /** Woken since the last flush. Not a set: one that grows to all members, flush after flush, is mostly garbage. */
  #connections: Connection[] = []
  readonly #cost = new WriteCost()
  readonly #turns = new ArrivalTurns()
  readonly #bounds: FlushBounds
  readonly #flushMessages: number
  readonly #flushBytes: number
  readonly #noticeRate: Rate
  #isSoon = false
  #isAwaited = false
  #isTimed = false

  constructor(
    private readonly clock: Clock,
    private readonly metrics: Metrics,
    limits: Pick<
      Limits,
      'flushMs' | 'flushShare' | 'flushMessages' | 'flushBytes' | 'noticesPerSecond' | 'noticesBurst'
    >,
  ) {
    this.#bounds = { maxMs: limits.flushMs, share: limits.flushShare }
    this.#flushMessages = limits.flushMessages
    this.#flushBytes = limits.flushBytes
    this.#noticeRate = { perSecond: limits.noticesPerSecond, burst: limits.noticesBurst }
  }

  push(room: Room, item: Item): void {
    if (room.members.size === 0) return
    room.batch.add(item)
    const now = this.clock.now()
    const gathers = this.#gathering.has(room)
    if (item.notice && !room.isDue && !gathers && this.#waits(room, now)) return
    room.window.arrived(now)
    if (gathers && !this.#hasCompany(room)) return
    this.#gathering.delete(room)
    this.#makeDue(room)
    this.#turns.arrived()
    this.#flushSoon()
  }

  #makeDue(room: Room): void {
    if (room.isDue) return
    room.isDue = true
    this.#due.push(room)
  }

  /** Whether a notice has to wait, for its room has had many: a thousand joins must not be a thousand writes to each. */
  #waits(room: Room, now: number): boolean {
    const wait = waitFor(room.notices, this.#noticeRate, now)
    if (wait === 0 || this.#isFull(room)) {
      room.notices = paid(room.notices, this.#noticeRate, now)
      return false
    }
    this.#waiting.add(room)
    if (this.#isAwaited) return true
    this.#isAwaited = true
    this.clock.after(wait, () => {
      this.#isAwaited = false
      const now = this.clock.now()
      for (const waiting of this.#waiting) {
        waiting.notices = paid(waiting.notices, this.#noticeRate, now)
        this.#makeDue(waiting)
      }
      this.#waiting.clear()
      this.#endTurn()
    })
    return true
  }

  /** Writes to a connection with the next flush. */
  wake(connection: Connection): void {
    this.#connections.push(connection)
    if (!this.#isTimed) this.#flushSoon()
  }

  /** Tells that a member's message was accepted: it may go on only when it has its answer, or its message back. */
  accepted(room: Room, connection: Connection): void {
    if (!room.answering.isAhead) return
    const { senders } = room.batch
    if (senders.length === 0) this.#answering.push(room)
    senders.push(connection)
    this.#flushSoon()
  }

  /** Hands what waits for one room to its members. */
  flush(room: Room): void {
    const batch = this.#take(room)
    for (const member of room.members.values()) {
      const outgoing = batch.shareOf(member)
      member.from = 0
      if (outgoing) this.#write(member.connection, outgoing)
    }
  }

  /**
   * The same where no other room is flushed: its members get nothing else, so each is written to as it comes, and its
   * memory is fetched once. Those who get an answer as well come first, for they may wait for it before they go on.
   * Returns how many writes that were.
   */
  #flushOnly(room: Room): number {
    const batch = this.#take(room)
    const answered = this.#connections
    this.#connections = []
    let writes = answered.length
    for (const connection of answered) {
      const member = room.members.get(connection.id)
      const outgoing = member && batch.shareOf(member)
      if (outgoing) this.#writeNow(batch, connection, outgoing)
      else connection.flush()
      if (member) member.from = batch.length
    }
    for (const member of room.members.values()) {
      const outgoing = batch.shareOf(member)
      member.from = 0
      if (!outgoing) continue
      this.#writeNow(batch, member.connection, outgoing)
      writes++
    }
    if (!batch.isHeld) batch.release()
    return writes
  }

  #take(room: Room): Batch {
    room.isDue = false
    this.#gathering.delete(room)
    this.#waiting.delete(room)
    return room.takeBatch()
  }

  /**
   * Writes to those who wait for an answer in a room that is not flushed yet. False if they are too many: each of them
   * gets a write that the flush does not save.
   */
  #answerSenders({ batch, members }: Room): boolean {
    const answers = batch.answers + batch.senders.length
    if (answers > ANSWERS_SHARE * members.size) return false
    batch.answers = answers
    for (const connection of batch.senders.splice(0)) {
      const member = members.get(connection.id)
      const outgoing = member && batch.shareOf(member)
      if (!outgoing) continue
      member.from = batch.length
      this.#writeNow(batch, connection, outgoing)
    }
    return true
  }

  /** Sends one volatile message to connections wherever they are. */
  sendTo(connections: Iterable<Connection>, message: object): void {
    const outgoing = TextFrame.of(message)
    for (const connection of connections) {
      if (!connection.isCongested) this.#write(connection, outgoing)
    }
  }

  /**
   * Whether a further wait would bring little: in a write of ten messages each takes a tenth of it. Where senders are
   * answered ahead, nobody waits for it who could go on.
   */
  #hasCompany(room: Room): boolean {
    const { batch, answering } = room
    const enough = answering.isAhead ? 2 * this.#flushMessages : this.#flushMessages
    return batch.length >= enough || this.#isFull(room)
  }

  #isFull({ batch }: Room): boolean {
    return batch.size >= this.#flushBytes
  }

  /** What flushing a room will take, in ms. */
  #msFor(room: Room): number {
    return this.#cost.ms * room.members.size
  }

  /** Flushes what this turn brought, but for the rooms that had better wait. */
  #endTurn(): void {
    const now = this.clock.now()
    let flushMs = 0
    for (const room of this.#due) flushMs += this.#msFor(room)
    if (this.#turns.goOn(now, flushMs)) {
      this.#answering = this.#answering.filter((room) => !this.#answerSenders(room))
      this.#flushSoon()
      return
    }
    const due = this.#due
    this.#due = []
    const flushed: Room[] = []
    for (const room of due) {
      if (!room.isDue) continue
      // It is in the list twice if a join flushed it meanwhile.
      room.isDue = false
      const wait = room.window.wait(now, this.#msFor(room), this.#bounds)
      // Timers are no finer than 1 ms; a shorter wait would only burn the loop.
      if (wait >= 1 && !this.#hasCompany(room)) this.#gather(room, wait)
      else flushed.push(room)
    }
    for (const room of this.#answering) {
      if (!this.#gathering.has(room)) forgetSenders(room)
      else if (!this.#answerSenders(room)) flushed.push(room)
    }
    this.#answering = []
    if (flushed.length > 0 || !this.#isTimed) this.#flushRooms(flushed)
  }

  #gather(room: Room, wait: number): void {
    this.#gathering.add(room)
    room.window.gathers(room.batch.length)
    if (this.#isTimed) return
    this.#isTimed = true
    this.clock.after(wait, () => {
      this.#isTimed = false
      this.#flushRooms([...this.#gathering])
    })
  }

  #flushSoon(): void {
    if (this.#isSoon) return
    this.#isSoon = true
    this.clock.soon(this.#turnEnds)
  }

  readonly #turnEnds = (): void => {
    this.#isSoon = false
    this.#endTurn()
  }

  /** Writes all that waits, whatever its window. */
  flushAll(): void {
    const rooms = new Set([...this.#due, ...this.#gathering, ...this.#waiting])
    this.#due = []
    this.#flushRooms([...rooms])
  }

  #flushRooms(rooms: readonly Room[]): void {
    const startedAt = this.clock.now()
    const batches = rooms.map(({ batch }) => batch)
    const [only] = rooms
    const writes = only && rooms.length === 1 ? this.#flushOnly(only) : this.#flushSeveral(rooms, batches)
    const endedAt = this.clock.now()
    rooms.forEach((room, index) => {
      room.flushed(batches[index] as Batch, endedAt)
    })
    this.#cost.learn(endedAt - startedAt, writes)
    this.metrics.fanOuts++
    this.metrics.fanOutMs += endedAt - startedAt
  }

  /** A connection in several of the rooms gets one write all the same. Returns how many that were. */
  #flushSeveral(rooms: readonly Room[], batches: readonly Batch[]): number {
    for (const room of rooms) this.flush(room)
    const connections = this.#connections
    this.#connections = []
    let haveLeft = true
    for (const connection of connections) haveLeft = connection.flush() && haveLeft
    if (haveLeft) for (const batch of batches) if (!batch.isHeld) batch.release()
    return connections.length
  }

  #write(connection: Connection, outgoing: Outgoing): void {
    connection.write(outgoing)
    this.metrics.framesOut += outgoing.count
  }

  #writeNow(batch: Batch, connection: Connection, outgoing: Outgoing): void {
    if (!connection.writeNow(outgoing)) batch.isHeld = true
    this.metrics.framesOut += outgoing.count
  }
}

/** Of what is flushed now, or of messages that brought the room nothing: kept, they would be for as long as none does. */
function forgetSenders({ batch }: Room): void {
  batch.senders.length = 0
}
