/** An accepted message. */
export interface Remembered {
  readonly userId: string
  readonly fingerprint: number
  readonly offset: number
  readonly id: string
  /** Wall time at which it was first accepted, in ms since 1970. */
  readonly timestampMs: number
}

/** Random, so that nobody can choose ids that all hash to the same slot. */
const SEED = Math.floor(Math.random() * 2 ** 32)
const LEAST_SLOTS = 8
const LEAST_BYTES = 128
/** A table that has grown to this size adds chunks instead of copying itself. */
const CHUNK_BYTES = 16 * 1024
/** Rows begin at multiples of this, so that 32-bit positions can address any amount of memory. */
const UNIT = 4
const CHUNK_UNITS = CHUNK_BYTES / UNIT
/** What a chunk costs in addition to its bytes, and a user in addition to the id. */
const OVERHEAD = 200

// A row: its numbers, followed by the client id and the id.
const FINGERPRINT = 0
const OFFSET = 8
const WALL = 16
const HASH = 24
const USER = 28
const CLIENT_ID_BYTES = 32
const ID_BYTES = 34
const TEXTS = 36

/**
 * Accepted messages by user and client id, as rows of bytes outside V8's heap. A busy room remembers a hundred
 * thousand of them. As objects and strings, or as numbers in arrays, they were most of what V8's minor garbage
 * collections had to move.
 */
export class RecordTable {
  readonly #users = new Map<string, number>()
  /** Only the first chunk can be smaller than the others. */
  readonly #chunks: Buffer[] = []
  /** The chunk and the offset in it at which the next row goes. */
  #chunk = 0
  #end = 0
  /**
   * Positions of rows, in units from 1, by the hash of user and client id. At least half of the slots are free, so
   * that a search is short.
   */
  #slots: Uint32Array = NO_SLOTS
  #size = 0
  #firstOffset = 0
  #lastOffset = 0
  #userBytes = 0
  #chunkBytes = 0

  get size(): number {
    return this.#size
  }

  /** The memory that it takes, in bytes, roughly, including what {@link clear} has kept. */
  get bytes(): number {
    return this.#userBytes + this.#chunkBytes + this.#slots.byteLength
  }

  /** Offset of the first one. */
  get firstOffset(): number {
    return this.#firstOffset
  }

  /** The highest offset of any. */
  get lastOffset(): number {
    return this.#lastOffset
  }

  /** Whether it has messages of a user. */
  hasUser(userId: string): boolean {
    return this.#users.has(userId)
  }

  find(userId: string, clientId: string): Remembered | undefined {
    const user = this.#users.get(userId)
    if (user === undefined) return undefined
    const hash = hashOf(clientId, user)
    const last = this.#slots.length - 1
    for (let slot = hash & last; ; slot = (slot + 1) & last) {
      const position = (this.#slots[slot] as number) - 1
      if (position < 0) return undefined
      const chunk = this.#chunkAt(position)
      const at = startOf(position)
      if (isOf(chunk, at, hash, user, clientId)) return recordIn(chunk, at, userId)
    }
  }

  /** Adds a message that {@link find} does not find. Both ids are tokens, and therefore printable ASCII. */
  add(clientId: string, record: Remembered): void {
    const user = this.#userOf(record.userId)
    const hash = hashOf(clientId, user)
    const chunk = this.#roomFor(TEXTS + clientId.length + record.id.length)
    const position = this.#chunk * CHUNK_UNITS + this.#end / UNIT
    this.#end = UNIT * Math.ceil(writeRow(chunk, this.#end, hash, user, clientId, record) / UNIT)
    if (this.#size === 0) this.#firstOffset = record.offset
    this.#size++
    this.#lastOffset = Math.max(this.#lastOffset, record.offset)
    if (2 * this.#size > this.#slots.length) this.#spread()
    this.#fill(position, hash)
  }

  /** Removes all records, and keeps the memory for as many again. */
  clear(): void {
    this.#users.clear()
    this.#userBytes = 0
    this.#slots.fill(0)
    this.#chunk = 0
    this.#end = 0
    this.#size = 0
    this.#firstOffset = 0
    this.#lastOffset = 0
  }

  #userOf(userId: string): number {
    const known = this.#users.get(userId)
    if (known !== undefined) return known
    const { size } = this.#users
    this.#users.set(userId, size)
    this.#userBytes += OVERHEAD + userId.length
    return size
  }

  #chunkAt(position: number): Buffer {
    return this.#chunks[Math.floor(position / CHUNK_UNITS)] as Buffer
  }

  #hashAt(position: number): number {
    return this.#chunkAt(position).readUInt32LE(startOf(position) + HASH)
  }

  /** The chunk for a row of this many bytes, which goes at its end. */
  #roomFor(bytes: number): Buffer {
    if (this.#end > 0 && this.#end + bytes > CHUNK_BYTES) {
      this.#chunk++
      this.#end = 0
    }
    const needed = this.#end + bytes
    const chunk = this.#chunks[this.#chunk]
    if (chunk && needed <= chunk.length) return chunk
    const least = this.#chunk === 0 ? Math.min(CHUNK_BYTES, Math.max(LEAST_BYTES, 2 * needed)) : CHUNK_BYTES
    const grown = Buffer.from(lastingMemory(Math.max(least, needed)))
    chunk?.copy(grown, 0, 0, this.#end)
    this.#chunkBytes += grown.length - (chunk?.length ?? -OVERHEAD)
    this.#chunks[this.#chunk] = grown
    return grown
  }

  #spread(): void {
    const slots = this.#slots
    const bytes = Uint32Array.BYTES_PER_ELEMENT * Math.max(LEAST_SLOTS, 2 * slots.length)
    this.#slots = new Uint32Array(lastingMemory(bytes))
    for (const slot of slots) if (slot > 0) this.#fill(slot - 1, this.#hashAt(slot - 1))
  }

  #fill(position: number, hash: number): void {
    const last = this.#slots.length - 1
    let slot = hash & last
    while (this.#slots[slot] !== 0) slot = (slot + 1) & last
    this.#slots[slot] = position + 1
  }
}

const NO_SLOTS = new Uint32Array(0)

/**
 * Not from Node's pool: a small piece would keep all 8 KiB of a pool page alive. Large pieces use shared memory,
 * because V8 does not count that towards its next major garbage collection. Otherwise these pieces, which stay for
 * minutes, would trigger collections that cannot free them. Small pieces are soon replaced, so they should be
 * collected.
 */
function lastingMemory(bytes: number): ArrayBufferLike {
  return bytes < CHUNK_BYTES ? new ArrayBuffer(bytes) : new SharedArrayBuffer(bytes)
}

/** Where a row begins in its chunk. */
function startOf(position: number): number {
  return UNIT * (position % CHUNK_UNITS)
}

/** Returns the end of the row. */
function writeRow(
  chunk: Buffer,
  at: number,
  hash: number,
  user: number,
  clientId: string,
  { fingerprint, offset, id, timestampMs }: Remembered,
): number {
  chunk.writeDoubleLE(fingerprint, at + FINGERPRINT)
  chunk.writeDoubleLE(offset, at + OFFSET)
  chunk.writeDoubleLE(timestampMs, at + WALL)
  chunk.writeUInt32LE(hash, at + HASH)
  chunk.writeUInt32LE(user, at + USER)
  chunk.writeUInt16LE(clientId.length, at + CLIENT_ID_BYTES)
  chunk.writeUInt16LE(id.length, at + ID_BYTES)
  const idStart = at + TEXTS + chunk.write(clientId, at + TEXTS, 'latin1')
  return idStart + chunk.write(id, idStart, 'latin1')
}

function isOf(chunk: Buffer, at: number, hash: number, user: number, clientId: string): boolean {
  if (chunk.readUInt32LE(at + HASH) !== hash || chunk.readUInt32LE(at + USER) !== user) return false
  const start = at + TEXTS
  return chunk.toString('latin1', start, start + chunk.readUInt16LE(at + CLIENT_ID_BYTES)) === clientId
}

function recordIn(chunk: Buffer, at: number, userId: string): Remembered {
  const idStart = at + TEXTS + chunk.readUInt16LE(at + CLIENT_ID_BYTES)
  return {
    userId,
    fingerprint: chunk.readDoubleLE(at + FINGERPRINT),
    offset: chunk.readDoubleLE(at + OFFSET),
    id: chunk.toString('latin1', idStart, idStart + chunk.readUInt16LE(at + ID_BYTES)),
    timestampMs: chunk.readDoubleLE(at + WALL),
  }
}

/** Includes the user, because the messages of many users may be numbered from 1. */
function hashOf(clientId: string, user: number): number {
  let hash = SEED ^ Math.imul(user, 0x9e3779b1)
  for (let i = 0; i < clientId.length; i++)
    hash = Math.imul(hash ^ clientId.charCodeAt(i), 0x5bd1e995) ^ (hash >>> 15)
  return Math.imul(hash ^ (hash >>> 16), 0x85ebca6b) >>> 1
}
