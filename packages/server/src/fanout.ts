import type { Clock } from './clock.js'
import type { Connection } from './connection.js'
import { ArrivalTurns, type FlushBounds, WriteCost } from './core/flush-window.js'
import { type Rate, take, waitFor } from './core/rate-limit.js'
import type { Limits } from './limits.js'
import type { Metrics } from './metrics.js'
import { Outgoing } from './outgoing.js'
import type { Room } from './room.js'

/** Which members do not get a message. */
export interface Audience {
  readonly exceptConnection?: string
  readonly exceptUser?: string
  /** Only connections that sent `auth`: the message is of an extension-only type. */
  readonly extendedOnly?: boolean
  /** Rooms by which their members have got it already. */
  readonly exceptMembersOf?: readonly Room[]
}

export interface Item {
  readonly text: string
  /** Dropped first under back-pressure. */
  readonly volatile: boolean
  readonly audience?: Audience
  readonly latestKey?: string
  /** Tells who comes and goes: where many do, it waits for company. */
  readonly notice?: boolean
}

/** A connection's place in a room's fan-out. */
export interface Member {
  readonly connection: Connection
  readonly userId: string
  /** Index into the room's batch from which this member gets it: a join in its middle must not see what came before. */
  from: number
  /** False while a resume is being paged: live frames come after the last page. */
  live: boolean
}

/**
 * Carries messages to connections. What came within one turn of the event loop, or, for a room that gets much on a
 * busy server, within its window, goes out together: each frame is built once, and each connection gets one write.
 */
export class FanOut {
  /** Rooms to flush at the end of this turn; one that was flushed since is no longer marked as due. */
  #due: Room[] = []
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
      take(room.notices, this.#noticeRate)
      return false
    }
    this.#waiting.add(room)
    if (this.#isAwaited) return true
    this.#isAwaited = true
    this.clock.after(wait, () => {
      this.#isAwaited = false
      for (const waiting of this.#waiting) {
        take(waiting.notices, this.#noticeRate)
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

  /** Hands what waits for one room to its members. Returns how many messages that were. */
  flush(room: Room): number {
    const items = this.#take(room)
    if (items.length === 0) return 0
    const pick = picker(items)
    for (const member of room.members.values()) {
      const outgoing = pick(member)
      if (outgoing) this.#write(member.connection, outgoing)
    }
    return items.length
  }

  /**
   * The same where no other room is flushed: its members get nothing else, so each is written to as it comes, and its
   * memory is fetched once. Those who get an answer as well come first, for they may wait for it before they go on.
   * Returns how many writes that were.
   */
  #flushOnly(room: Room): number {
    const items = this.#take(room)
    const pick = picker(items)
    const answered = this.#connections
    this.#connections = []
    let writes = answered.length
    for (const connection of answered) {
      const member = room.members.get(connection.id)
      const outgoing = member && pick(member)
      if (outgoing) this.#writeNow(connection, outgoing)
      else connection.flush()
      if (member) member.from = items.length
    }
    for (const member of room.members.values()) {
      const outgoing = pick(member)
      if (!outgoing) continue
      this.#writeNow(member.connection, outgoing)
      writes++
    }
    return writes
  }

  #take(room: Room): readonly (Item | undefined)[] {
    room.isDue = false
    this.#gathering.delete(room)
    this.#waiting.delete(room)
    return room.batch.take()
  }

  /** Sends one volatile message to connections wherever they are. */
  sendTo(connections: Iterable<Connection>, message: object): void {
    const outgoing = Outgoing.of(message)
    for (const connection of connections) {
      if (!connection.isCongested) this.#write(connection, outgoing)
    }
  }

  /** Whether a further wait would bring little: in a write of ten messages each takes a tenth of it. */
  #hasCompany(room: Room): boolean {
    return room.batch.items.length >= this.#flushMessages || this.#isFull(room)
  }

  #isFull({ batch }: Room): boolean {
    return batch.bytes >= this.#flushBytes
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
      this.#flushSoon()
      return
    }
    const due = this.#due
    this.#due = []
    const flushed: Room[] = []
    for (const room of due) {
      if (!room.isDue) continue
      const wait = room.window.wait(now, this.#msFor(room), this.#bounds)
      // Timers are no finer than 1 ms; a shorter wait would only burn the loop.
      if (wait >= 1 && !this.#hasCompany(room)) this.#gather(room, wait)
      else flushed.push(room)
    }
    if (flushed.length > 0 || !this.#isTimed) this.#flushRooms(flushed)
  }

  #gather(room: Room, wait: number): void {
    room.isDue = false
    this.#gathering.add(room)
    room.window.gathers(room.batch.items.length)
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
    this.clock.soon(() => {
      this.#isSoon = false
      this.#endTurn()
    })
  }

  /** Writes all that waits, whatever its window. */
  flushAll(): void {
    const rooms = new Set([...this.#due, ...this.#gathering, ...this.#waiting])
    this.#due = []
    this.#flushRooms([...rooms])
  }

  #flushRooms(rooms: readonly Room[]): void {
    const startedAt = this.clock.now()
    const sizes = rooms.map(({ batch }) => batch.items.length)
    const [only] = rooms
    const writes = only && rooms.length === 1 ? this.#flushOnly(only) : this.#flushSeveral(rooms)
    const endedAt = this.clock.now()
    for (let index = 0; index < rooms.length; index++) {
      rooms[index]?.window.flushed(endedAt, sizes[index] ?? 0)
    }
    this.#cost.learn(endedAt - startedAt, writes)
    this.metrics.fanOuts++
    this.metrics.fanOutMs += endedAt - startedAt
  }

  /** A connection in several of the rooms gets one write all the same. Returns how many that were. */
  #flushSeveral(rooms: readonly Room[]): number {
    for (const room of rooms) this.flush(room)
    const connections = this.#connections
    this.#connections = []
    for (const connection of connections) connection.flush()
    return connections.length
  }

  #write(connection: Connection, outgoing: Outgoing): void {
    connection.write(outgoing)
    this.metrics.framesOut += outgoing.texts.length
  }

  #writeNow(connection: Connection, outgoing: Outgoing): void {
    connection.writeNow(outgoing)
    this.metrics.framesOut += outgoing.texts.length
  }
}

/** What a room has for its members since the last flush. */
export class Batch {
  items: (Item | undefined)[] = []
  /** Length of the items' texts. */
  bytes = 0

  add(item: Item): void {
    if (item.latestKey !== undefined) this.dropKey(item.latestKey)
    this.items.push(item)
    this.bytes += item.text.length
  }

  /** Leaves a hole, since members hold indices into the batch. */
  dropKey(latestKey: string): void {
    const index = this.items.findIndex((item) => item?.latestKey === latestKey)
    if (index >= 0) this.items[index] = undefined
  }

  take(): readonly (Item | undefined)[] {
    const { items } = this
    this.items = []
    this.bytes = 0
    return items
  }
}

type Picker = (member: Member) => Outgoing | undefined

/** Picks a member's share of a batch; members with the same share get the same bytes. */
function picker(items: readonly (Item | undefined)[]): Picker {
  const selective: Item[] = []
  let mayDrop = false
  for (const item of items) {
    if (item?.audience) selective.push(item)
    if (item?.volatile) mayDrop = true
  }
  let whole: Outgoing | undefined
  let shares: Map<string, Outgoing | undefined> | undefined
  return (member) => {
    const { from } = member
    member.from = 0
    if (!member.live || from >= items.length) return undefined
    const congested = mayDrop && member.connection.isCongested
    if (from === 0 && !congested && selective.length === 0) {
      whole ??= share(items, member, 0, false)
      return whole
    }
    let key = congested ? `~${from}` : `${from}`
    for (const item of selective) key += isFor(item, member) ? '1' : '0'
    shares ??= new Map()
    if (!shares.has(key)) shares.set(key, share(items, member, from, congested))
    return shares.get(key)
  }
}

function share(
  items: readonly (Item | undefined)[],
  member: Member,
  from: number,
  congested: boolean,
): Outgoing | undefined {
  const texts: string[] = []
  for (let index = from; index < items.length; index++) {
    const item = items[index]
    if (item && !(congested && item.volatile) && isFor(item, member)) texts.push(item.text)
  }
  return texts.length > 0 ? new Outgoing(texts) : undefined
}

function isFor(item: Item | undefined, { connection, userId }: Member): boolean {
  const audience = item?.audience
  if (!audience) return true
  if (audience.extendedOnly && !connection.session.extended) return false
  if (audience.exceptMembersOf?.some((room) => room.members.has(connection.id))) return false
  return audience.exceptConnection !== connection.id && audience.exceptUser !== userId
}
