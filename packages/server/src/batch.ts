import type { Connection } from './connection.js'
import { BuiltFrames, FrameRow, type Outgoing } from './outgoing.js'

/** Which members do not get a message. */
export interface Audience {
  readonly exceptConnection?: string
  readonly exceptUser?: string
  /** Only connections that sent `auth`: the message is of an extension-only type. */
  readonly extendedOnly?: boolean
  /** Those who get it as members of another room. */
  readonly exceptConnections?: ReadonlySet<string>
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
  /** Bytes of the items' texts. */
  #size = 0
  readonly #row = new FrameRow()
  /** Bytes of the texts whose frames are not built yet. */
  #unbuilt = 0
  /** Indices of the items that not everybody gets. */
  #selective: number[] | undefined
  #mayDrop = false
  /** What all get who get everything; gone with the next item, like the other shares. */
  #whole: Outgoing | undefined
  #shares: Map<string, Outgoing | undefined> | undefined
  /** Members whose messages were accepted, and who have not been written to since. */
  readonly senders: Connection[] = []
  /** Writes to senders ahead of the flush. */
  answers = 0
  /** Whether some of what was written is still on its way out of the process. */
  isHeld = false

  get length(): number {
    return this.#items.length
  }

  get size(): number {
    return this.#size
  }

  add(item: Item): void {
    if (item.latestKey !== undefined) this.dropKey(item.latestKey)
    this.#items.push(item)
    // It also makes one piece of a text that V8 holds in several: after a wait, all of them would be in its old space.
    const bytes = Buffer.byteLength(item.text)
    this.#size += bytes
    this.#unbuilt += bytes
    if (item.audience) {
      this.#selective ??= []
      this.#selective.push(this.#items.length - 1)
    }
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
    const key = this.#keyOf(member, congested)
    this.#shares ??= new Map()
    if (!this.#shares.has(key)) this.#shares.set(key, this.#share(member, congested))
    return this.#shares.get(key)
  }

  /** The same for members with the same share: few are left out, and where many joined at once, each is of another item. */
  #keyOf(member: Member, congested: boolean): string {
    const { from, connection } = member
    let key = `${congested ? '~' : ''}${connection.session.extended ? '' : '-'}${from}`
    for (const index of this.#selective ?? []) {
      if (index >= from && isLeftOut(member, this.#items[index]?.audience)) key += ` ${index}`
    }
    return key
  }

  /** All that was written of it has left: the memory of its frames may be used again. */
  release(): void {
    this.#row.release()
  }

  #share(member: Member, congested: boolean): Outgoing | undefined {
    const row = this.#builtRow()
    const texts: string[] = []
    const pieces: Buffer[] = []
    let start = member.from
    for (let index = member.from; index < this.#items.length; index++) {
      const item = this.#items[index]
      // A hole may be of an item whose frame was built, and sent ahead to somebody, before another took its place.
      if (!item || (congested && item.volatile) || !isFor(item, member)) {
        if (index > start) pieces.push(row.piece(start, index))
        start = index + 1
      } else {
        texts.push(item.text)
      }
    }
    if (texts.length === 0) return undefined
    const last = row.piece(start, this.#items.length)
    return new BuiltFrames(texts, pieces.length === 0 ? last : Buffer.concat([...pieces, last]))
  }

  #builtRow(): FrameRow {
    const row = this.#row
    const { length } = this.#items
    if (row.count < length) {
      row.reserve(length - row.count, this.#unbuilt)
      for (let index = row.count; index < length; index++) row.add(this.#items[index]?.text)
      this.#unbuilt = 0
    }
    return row
  }
}

function isFor({ audience }: Item, member: Member): boolean {
  if (audience?.extendedOnly && !member.connection.session.extended) return false
  return !isLeftOut(member, audience)
}

/** Whether the audience is everybody but this member, and maybe some more. */
function isLeftOut({ connection, userId }: Member, audience: Audience | undefined): boolean {
  if (!audience) return false
  if (audience.exceptConnections?.has(connection.id)) return true
  return audience.exceptConnection === connection.id || audience.exceptUser === userId
}
