/** An accepted message. */
export interface Remembered {
  readonly userId: string
  readonly fingerprint: number
  readonly offset: number
  readonly id: string
  /** Wall time of the first acceptance, in ms since 1970. */
  readonly wall: number
}

/** So that no one can choose ids which all begin at the same slot. */
const SEED = Math.floor(Math.random() * 2 ** 32)
const LEAST_SLOTS = 8

/**
 * Accepted messages by (user, client id). A busy room remembers a hundred thousand of them: as objects and strings they
 * were most of what V8's short collections had to move, so they are rows of numbers and bytes.
 */
export class RecordTable {
  readonly #users = new Map<string, number>()
  readonly #chunks: Chunk[] = []
  /** Rows, counted from 1, by the hash of their user and client id; at least half are free, so that one is never far. */
  #slots: number[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Offset of the last one. */
  get lastOffset(): number {
    return this.#chunks.at(-1)?.lastOffset ?? 0
  }

  find(userId: string, clientId: string): Remembered | undefined {
    const user = this.#users.get(userId)
    if (user === undefined) return undefined
    const hash = hashOf(clientId, user)
    const last = this.#slots.length - 1
    for (let slot = hash & last; ; slot = (slot + 1) & last) {
      const row = (this.#slots[slot] as number) - 1
      if (row < 0) return undefined
      const chunk = this.#chunkOf(row)
      if (chunk.is(row % ROWS, hash, user, clientId)) return chunk.record(row % ROWS, userId)
    }
  }

  /** Adds what {@link find} does not find. Both ids are tokens, which are printable ASCII. */
  add(clientId: string, record: Remembered): void {
    const user = this.#userOf(record.userId)
    const hash = hashOf(clientId, user)
    if (this.#size % ROWS === 0) this.#chunks.push(new Chunk())
    this.#chunkOf(this.#size).add(hash, user, clientId, record)
    this.#size++
    if (2 * this.#size > this.#slots.length) this.#spread()
    else this.#fill(this.#size - 1, hash)
  }

  #userOf(userId: string): number {
    const known = this.#users.get(userId)
    if (known !== undefined) return known
    const { size } = this.#users
    this.#users.set(userId, size)
    return size
  }

  #chunkOf(row: number): Chunk {
    return this.#chunks[Math.floor(row / ROWS)] as Chunk
  }

  #spread(): void {
    this.#slots = new Array<number>(Math.max(LEAST_SLOTS, 2 * this.#slots.length)).fill(0)
    for (let row = 0; row < this.#size; row++) this.#fill(row, this.#chunkOf(row).hashOf(row % ROWS))
  }

  #fill(row: number, hash: number): void {
    const last = this.#slots.length - 1
    let slot = hash & last
    while (this.#slots[slot] !== 0) slot = (slot + 1) & last
    this.#slots[slot] = row + 1
  }
}

// The numbers of a row. Its text is the client id, and then the id.
const FINGERPRINT = 0
const OFFSET = 1
const WALL = 2
const HASH = 3
const USER = 4
const CLIENT_ID_END = 5
const ID_END = 6
const NUMBERS = 7

/** What has grown is not copied on and on. */
const ROWS = 256
const TEXT_BYTES = 64

const NO_TEXTS = Buffer.alloc(0)

class Chunk {
  /** An array of numbers that are not all small integers holds them without an object for each. */
  readonly #numbers: number[] = []
  #texts = NO_TEXTS

  get lastOffset(): number {
    return this.#numbers[this.#numbers.length - NUMBERS + OFFSET] as number
  }

  hashOf(row: number): number {
    return this.#number(row, HASH)
  }

  is(row: number, hash: number, user: number, clientId: string): boolean {
    if (this.#number(row, HASH) !== hash || this.#number(row, USER) !== user) return false
    return this.#text(this.#textStart(row), this.#number(row, CLIENT_ID_END)) === clientId
  }

  record(row: number, userId: string): Remembered {
    return {
      userId,
      fingerprint: this.#number(row, FINGERPRINT),
      offset: this.#number(row, OFFSET),
      id: this.#text(this.#number(row, CLIENT_ID_END), this.#number(row, ID_END)),
      wall: this.#number(row, WALL),
    }
  }

  add(hash: number, user: number, clientId: string, { fingerprint, offset, id, wall }: Remembered): void {
    const start = this.#textStart(this.#numbers.length / NUMBERS)
    const end = start + clientId.length + id.length
    if (end > this.#texts.length) {
      // Not from Node's pool, of which a small piece would keep all 8 KiB, whoever had the rest.
      const texts = Buffer.allocUnsafeSlow(Math.max(TEXT_BYTES, 2 * end))
      this.#texts.copy(texts, 0, 0, start)
      this.#texts = texts
    }
    const clientIdEnd = start + this.#texts.write(clientId, start, 'latin1')
    this.#texts.write(id, clientIdEnd, 'latin1')
    this.#numbers.push(fingerprint, offset, wall, hash, user, clientIdEnd, end)
  }

  #number(row: number, column: number): number {
    return this.#numbers[row * NUMBERS + column] as number
  }

  #textStart(row: number): number {
    return row === 0 ? 0 : this.#number(row - 1, ID_END)
  }

  #text(start: number, end: number): string {
    return this.#texts.toString('latin1', start, end)
  }
}

/** The user as well: many users may count their messages from 1. */
function hashOf(clientId: string, user: number): number {
  let hash = SEED ^ Math.imul(user, 0x9e3779b1)
  for (let i = 0; i < clientId.length; i++)
    hash = Math.imul(hash ^ clientId.charCodeAt(i), 0x5bd1e995) ^ (hash >>> 15)
  return Math.imul(hash ^ (hash >>> 16), 0x85ebca6b) >>> 1
}
