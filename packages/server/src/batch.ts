import type { Connection } from './connection.js'
import { BuiltFrames, FrameRow, type Outgoing } from './outgoing.js'

/** What sets an item apart from one that every member gets in any case. */
export interface Terms {
  /** Dropped first under back-pressure. */
  readonly volatile?: boolean
  readonly exceptConnection?: string | undefined
  readonly exceptUser?: string
  /** Only for connections that sent `auth`: the message is of an extension-only type. */
  readonly extendedOnly?: boolean
  /** Those who get it as members of another room. */
  readonly exceptConnections?: ReadonlySet<string>
  /** A newer item with the same one takes its place. */
  readonly latestKey?: string
}

export interface Item {
  readonly text: string
  readonly terms?: Terms
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

/** Of an item that a newer one has replaced. Its frame stays in the row, since members hold indices into the batch. */
const REPLACED: Terms = {}

/** What a room has for its members since the last flush, as frames. */
export class Batch {
  readonly #row = new FrameRow()
  /** By index. Made for the first item that has some. */
  #terms: (Terms | undefined)[] | undefined
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
    return this.#row.count
  }

  /** Bytes of all frames. */
  get size(): number {
    return this.#row.length
  }

  /** Keeps the frame and no text: what waits for long in V8's heap would be moved to its old space. */
  add({ text, terms }: Item): void {
    if (terms) this.#hold(terms)
    this.#row.add(text)
    this.#forgetShares()
  }

  /** To the next item. */
  #hold(terms: Terms): void {
    if (terms.latestKey !== undefined) this.#dropKey(terms.latestKey)
    this.#terms ??= []
    while (this.#terms.length < this.length) this.#terms.push(undefined)
    this.#terms.push(terms)
    if (isSelective(terms)) {
      this.#selective ??= []
      this.#selective.push(this.length)
    }
    if (terms.volatile) this.#mayDrop = true
  }

  #dropKey(latestKey: string): void {
    const terms = this.#terms ?? []
    const index = terms.findIndex((one) => one?.latestKey === latestKey)
    if (index < 0) return
    terms[index] = REPLACED
    this.#forgetShares()
  }

  #forgetShares(): void {
    this.#whole = undefined
    this.#shares = undefined
  }

  /** What a member has not got yet. Members with the same share get the same bytes, and no frame is built twice. */
  shareOf(member: Member): Outgoing | undefined {
    const { from } = member
    if (!member.live || from >= this.length) return undefined
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
      if (index >= from && isLeftOut(member, this.#terms?.[index])) key += ` ${index}`
    }
    return key
  }

  /** All that was written of it has left: the memory of its frames may be used again. */
  release(): void {
    this.#row.release()
  }

  #share(member: Member, congested: boolean): Outgoing | undefined {
    if (!this.#terms)
      return new BuiltFrames(this.length - member.from, this.#row.piece(member.from, this.length))
    const pieces: Buffer[] = []
    let count = 0
    let start = member.from
    for (let index = member.from; index < this.length; index++) {
      if (this.#isFor(member, congested, index)) {
        count++
      } else {
        if (index > start) pieces.push(this.#row.piece(start, index))
        start = index + 1
      }
    }
    if (count === 0) return undefined
    const last = this.#row.piece(start, this.length)
    return new BuiltFrames(count, pieces.length === 0 ? last : Buffer.concat([...pieces, last]))
  }

  #isFor(member: Member, congested: boolean, index: number): boolean {
    const terms = this.#terms?.[index]
    if (!terms) return true
    if (terms === REPLACED || (congested && terms.volatile)) return false
    if (terms.extendedOnly && !member.connection.session.extended) return false
    return !isLeftOut(member, terms)
  }
}

function isSelective({ exceptConnection, exceptUser, extendedOnly, exceptConnections }: Terms): boolean {
  return Boolean(extendedOnly || exceptConnections || (exceptConnection ?? exceptUser) !== undefined)
}

/** Whether the item is for everybody but this member, and maybe some more. */
function isLeftOut({ connection, userId }: Member, terms: Terms | undefined): boolean {
  if (!terms) return false
  if (terms.exceptConnections?.has(connection.id)) return true
  return terms.exceptConnection === connection.id || terms.exceptUser === userId
}
