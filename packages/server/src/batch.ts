import type { Connection } from './connection.js'
import { Frames, Outgoing } from './outgoing.js'
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

/** What a room has for its members since the last flush. */
export class Batch {
  readonly #items: (Item | undefined)[] = []
  /** Length of the items' texts. */
  #size = 0
  readonly #frames = new Frames()
  /** Items that not everybody gets. */
  #selective: Item[] | undefined
  #mayDrop = false
  /** What all get who get everything; gone with the next item, like the other shares. */
  #whole: Outgoing | undefined
  #shares: Map<string, Outgoing | undefined> | undefined
  /** Members whose messages were accepted, and who have not been written to since. */
  readonly senders: Connection[] = []
  /** Writes to senders ahead of the flush. */
  answers = 0

  get length(): number {
    return this.#items.length
  }

  get size(): number {
    return this.#size
  }

  add(item: Item): void {
    if (item.latestKey !== undefined) this.dropKey(item.latestKey)
    this.#items.push(item)
    this.#size += item.text.length
    if (item.audience) this.#selective = [...(this.#selective ?? []), item]
    if (item.volatile) this.#mayDrop = true
    this.#forgetShares()
  }

  /** Leaves a hole, since members hold indices into the batch. */
  dropKey(latestKey: string): void {
    const index = this.#items.findIndex((item) => item?.latestKey === latestKey)
    if (index < 0) return
    this.#items[index] = undefined
    this.#forgetShares()
  }

  #forgetShares(): void {
    this.#whole = undefined
    this.#shares = undefined
  }

  /** What a member has not got yet. Members with the same share get the same bytes, and no frame is built twice. */
  shareOf(member: Member): Outgoing | undefined {
    const { from } = member
    if (!member.live || from >= this.#items.length) return undefined
    const congested = this.#mayDrop && member.connection.isCongested
    if (from === 0 && !congested && !this.#selective) {
      this.#whole ??= this.#share(member, false)
      return this.#whole
    }
    let key = congested ? `~${from}` : `${from}`
    for (const item of this.#selective ?? []) key += isFor(item, member) ? '1' : '0'
    this.#shares ??= new Map()
    if (!this.#shares.has(key)) this.#shares.set(key, this.#share(member, congested))
    return this.#shares.get(key)
  }

  #share(member: Member, congested: boolean): Outgoing | undefined {
    const frames = this.#frames
    if (frames.count < this.#items.length)
      frames.add(this.#items.slice(frames.count).map((item) => item?.text))
    const texts: string[] = []
    const indices: number[] = []
    for (let index = member.from; index < this.#items.length; index++) {
      const item = this.#items[index]
      if (!item || (congested && item.volatile) || !isFor(item, member)) continue
      texts.push(item.text)
      indices.push(index)
    }
    return texts.length > 0 ? Outgoing.built(texts, frames.pick(indices)) : undefined
  }
}

function isFor({ audience }: Item, { connection, userId }: Member): boolean {
  if (!audience) return true
  if (audience.extendedOnly && !connection.session.extended) return false
  if (audience.exceptMembersOf?.some((room) => room.members.has(connection.id))) return false
  return audience.exceptConnection !== connection.id && audience.exceptUser !== userId
}
