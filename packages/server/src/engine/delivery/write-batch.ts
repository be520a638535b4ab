import type { Connection } from '../connection/connection.js'
import { type Frames, JoinedFrames, type TextFrame } from '../connection/frames.js'

/** What sets an item apart from one that every member gets in any case. */
export interface DeliveryOptions {
  /** Dropped first under back-pressure. */
  readonly volatile?: boolean
  readonly exceptConnection?: string | undefined
  readonly exceptUser?: string
  /** Only for connections that sent `auth`: the message is of an extension-only type. */
  readonly extendedOnly?: boolean
  /** Those who get it as members of another room. */
  readonly exceptConnections?: ReadonlySet<string>
  /** A newer item with the same one takes its place. */
  readonly coalesceKey?: string
}

export interface Item {
  readonly frame: TextFrame
  readonly options?: DeliveryOptions
  /** Tells who comes and goes: where many do, it waits for company. */
  readonly notice?: boolean
}

/** A connection's place in a room's fan-out. */
export interface Member {
  readonly connection: Connection
  readonly userId: string
  /** Index into the audience's batch from which this member gets it: a join in its middle must not see what came before. */
  from: number
  /** False while a resume is being paged: live frames come after the last page. */
  live: boolean
}

interface Entry {
  readonly frame: TextFrame
  readonly options: DeliveryOptions | undefined
}

/** What a room has for its members since the last flush. */
export class WriteBatch {
  /** Of an item that a newer one replaced the place stays, since members hold indices. */
  readonly #entries: (Entry | undefined)[] = []
  #size = 0
  /** Indices of the items that not everybody gets. */
  readonly #selective: number[] = []
  #mayDrop = false
  /** What all get who get everything. */
  #whole: Frames | undefined
  readonly #shares = new Map<string, Frames | undefined>()

  get length(): number {
    return this.#entries.length
  }

  /** Bytes of all frames. */
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

  /** What a member has not got yet, once nothing more is added. Members with the same share get the same bytes, and no frame is built twice. */
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

  /** The same for members with the same share: few are left out, and where many joined at once, each is of another item. */
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

/** Whether the item is for everybody but this member, and maybe some more. */
function isLeftOut({ connection, userId }: Member, options: DeliveryOptions | undefined): boolean {
  if (!options) return false
  if (options.exceptConnections?.has(connection.id)) return true
  return options.exceptConnection === connection.id || options.exceptUser === userId
}
