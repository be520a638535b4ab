import type { Clock } from './clock.js'
import type { Connection } from './connection.js'
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
 * Carries messages to the members of rooms. What one room got within one turn of the event loop goes out together:
 * each frame is built once, and each member gets one write.
 */
export class FanOut {
  readonly #dirty = new Set<Room>()
  #scheduled = false

  constructor(
    private readonly clock: Clock,
    private readonly metrics: Metrics,
  ) {}

  push(room: Room, item: Item): void {
    if (room.members.size === 0) return
    if (item.latestKey !== undefined) room.batch.dropKey(item.latestKey)
    room.batch.items.push(item)
    this.#dirty.add(room)
    if (this.#scheduled) return
    this.#scheduled = true
    this.clock.soon(() => this.#flushAll())
  }

  /** Sends what waits for one room. */
  flush(room: Room): void {
    this.#dirty.delete(room)
    const items = room.batch.take()
    if (items.length === 0) return
    const startedAt = this.clock.now()
    const pick = picker(items)
    for (const member of room.members.values()) {
      const from = member.from
      member.from = 0
      if (member.live) this.#deliver(member, from, pick)
    }
    this.metrics.fanOuts++
    this.metrics.fanOutMs += this.clock.now() - startedAt
  }

  /** Sends one volatile message to connections wherever they are. */
  sendTo(connections: Iterable<Connection>, message: object): void {
    const outgoing = Outgoing.of(message)
    for (const connection of connections) {
      if (!connection.isCongested) this.#write(connection, outgoing)
    }
  }

  #flushAll(): void {
    this.#scheduled = false
    for (const room of [...this.#dirty]) this.flush(room)
  }

  #deliver(member: Member, from: number, pick: Picker): void {
    const { connection } = member
    const outgoing = pick(member, from, connection.isCongested)
    if (outgoing) this.#write(connection, outgoing)
  }

  #write(connection: Connection, outgoing: Outgoing): void {
    connection.write(outgoing)
    this.metrics.framesOut += outgoing.texts.length
  }
}

/** What a room has for its members since the last flush. */
export class Batch {
  items: (Item | undefined)[] = []

  /** Leaves a hole, since members hold indices into the batch. */
  dropKey(latestKey: string): void {
    const index = this.items.findIndex((item) => item?.latestKey === latestKey)
    if (index >= 0) this.items[index] = undefined
  }

  take(): readonly (Item | undefined)[] {
    const { items } = this
    this.items = []
    return items
  }
}

type Picker = (member: Member, from: number, congested: boolean) => Outgoing | undefined

/** Picks a member's share of a batch; members with the same share get the same bytes. */
function picker(items: readonly (Item | undefined)[]): Picker {
  const shares = new Map<string, Outgoing | undefined>()
  const selective = items.filter((item) => item?.audience !== undefined)
  return (member, from, congested) => {
    let key = congested ? `~${from}` : `${from}`
    for (const item of selective) key += isFor(item, member) ? '1' : '0'
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
