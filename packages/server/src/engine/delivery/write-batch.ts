import type { Connection } from '../connection/connection.js'
import { type Frames, JoinedFrames, type TextFrame } from '../connection/frames.js'

/** Distinguishes an item from one that every member always gets. */
export interface DeliveryOptions {
  /** Dropped first under back-pressure. */
  readonly volatile?: boolean
  readonly exceptConnection?: string | undefined
  readonly exceptUser?: string
  /** Only for connections that have sent `auth`, because the message has an extension type. */
  readonly extendedOnly?: boolean
  /** Connections that get the message as members of another room. */
  readonly exceptConnections?: ReadonlySet<string>
  /** A newer item with the same key replaces it. */
  readonly coalesceKey?: string
}

export interface Item {
  readonly frame: TextFrame
  readonly options?: DeliveryOptions
  /** A join or a leave: if there are many, it waits so that several go out together. */
  readonly notice?: boolean
}

/** A connection's position in a room's fan-out. */
export interface Member {
  readonly connection: Connection
  readonly userId: string
  /**
   * Index of the first item in the audience's batch that this member gets: a member that joins in the middle must not
   * see earlier items.
   */
  from: number
  /** False while a resume is being paged: live frames come after the last page. */
  live: boolean
}

interface Entry {
  readonly frame: TextFrame
  readonly options: DeliveryOptions | undefined
}

/** The items for a room's members since the last flush. */
export class WriteBatch {
  /** A replaced item leaves its slot empty, because members hold indices. */
  readonly #entries: (Entry | undefined)[] = []
  #size = 0
  /** Indices of the items that not every member gets. */
  readonly #selective: number[] = []
  #mayDrop = false
  /** The frames for members that get every item. */
  #whole: Frames | undefined
  readonly #shares = new Map<string, Frames | undefined>()

  get length(): number {
    return this.#entries.length
  }

  /** The number of bytes in all frames. */
  get size(): number {
    return this.#size
  }

  add({ frame, options }: Item): void {
    if (options?.coalesceKey !== undefined) this.#dropKey(options.coalesceKey)
    if (options?.volatile) this.#mayDrop = true
    if (options && isSelective(options)) this.#selective.push(this.length)
    this.#size += frame.length
    this.#entries.push({ frame, options })
  }

  #dropKey(coalesceKey: string): void {
    const index = this.#entries.findIndex((entry) => entry?.options?.coalesceKey === coalesceKey)
    if (index < 0) return
    this.#size -= this.#entries[index]?.frame.length ?? 0
    this.#entries[index] = undefined
  }

  /**
   * The items that a member has not received yet, once nothing more is added. Members with the same share get the
   * same bytes, and no frame is built twice.
   */
  shareOf(member: Member): Frames | undefined {
    const { from } = member
    if (!member.live || from >= this.length) return undefined
    const congested = this.#mayDrop && member.connection.isCongested
    if (from === 0 && !congested && this.#selective.length === 0) {
      this.#whole ??= this.#share(member, false)
      return this.#whole
    }
    const key = this.#keyOf(member, congested)
    if (!this.#shares.has(key)) this.#shares.set(key, this.#share(member, congested))
    return this.#shares.get(key)
  }

  /**
   * A key that is equal for members with the same share. Few members are excluded; if many joined at once, their
   * shares begin at different items.
   */
  #keyOf(member: Member, congested: boolean): string {
    const { from, connection } = member
    let key = `${congested ? '~' : ''}${connection.session.extended ? '' : '-'}${from}`
    for (const index of this.#selective) {
      if (index >= from && isLeftOut(member, this.#entries[index]?.options)) key += ` ${index}`
    }
    return key
  }

  #share(member: Member, congested: boolean): Frames | undefined {
    const frames: TextFrame[] = []
    for (const entry of this.#entries.slice(member.from)) {
      if (entry && isFor(member, congested, entry.options)) frames.push(entry.frame)
    }
    return frames.length > 1 ? new JoinedFrames(frames) : frames[0]
  }
}

function isFor(member: Member, congested: boolean, options: DeliveryOptions | undefined): boolean {
  if (!options) return true
  if (congested && options.volatile) return false
  if (options.extendedOnly && !member.connection.session.extended) return false
  return !isLeftOut(member, options)
}

function isSelective({
  exceptConnection,
  exceptUser,
  extendedOnly,
  exceptConnections,
}: DeliveryOptions): boolean {
  return Boolean(extendedOnly || exceptConnections || (exceptConnection ?? exceptUser) !== undefined)
}

/** Whether the item is for everybody but this member, and possibly a few others. */
function isLeftOut({ connection, userId }: Member, options: DeliveryOptions | undefined): boolean {
  if (!options) return false
  if (options.exceptConnections?.has(connection.id)) return true
  return options.exceptConnection === connection.id || options.exceptUser === userId
}
