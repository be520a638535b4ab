/** An accepted message. */
export interface Remembered {
  readonly userId: string
  readonly fingerprint: number
  readonly offset: number
  readonly id: string
  /** Wall time of the first acceptance, in ms since 1970. */
  readonly wall: number
}

export interface DedupeWindow {
  /** Messages that a room remembers at the least, if they are not too old. */
  readonly count: number
  /** How long a message is remembered, in ms, if there are not too many. */
  readonly ms: number
}

/** What a record costs, roughly: two strings, their slots, three numbers, a slot in the map. */
const RECORD_BYTES = 192

/**
 * Records in columns: a busy room remembers so many that the collector's time depends on how many objects they are, and
 * an array of numbers that are not all small integers holds them without any.
 */
class Generation {
  /** Rows by client id; by {@link sharedKey} for what came under an id that another user had used before. */
  readonly #rows = new Map<string, number>()
  readonly #userIds: string[] = []
  readonly #ids: string[] = []
  readonly #offsets: number[] = []
  readonly #fingerprints: number[] = []
  readonly #walls: number[] = []

  get size(): number {
    return this.#rows.size
  }

  get lastOffset(): number {
    return this.#offsets.at(-1) ?? 0
  }

  find(userId: string, clientId: string): Remembered | undefined {
    const row = this.#rows.get(clientId)
    if (row === undefined || this.#userIds[row] === userId) return this.#record(row)
    return this.#record(this.#rows.get(sharedKey(userId, clientId)))
  }

  add(clientId: string, { userId, fingerprint, offset, id, wall }: Remembered): void {
    const key = this.#rows.has(clientId) ? sharedKey(userId, clientId) : clientId
    this.#rows.set(key, this.#ids.length)
    this.#userIds.push(userId)
    this.#ids.push(id)
    this.#offsets.push(offset)
    this.#fingerprints.push(fingerprint)
    this.#walls.push(wall)
  }

  #record(row: number | undefined): Remembered | undefined {
    if (row === undefined) return undefined
    return {
      userId: this.#userIds[row] as string,
      fingerprint: this.#fingerprints[row] as number,
      offset: this.#offsets[row] as number,
      id: this.#ids[row] as string,
      wall: this.#walls[row] as number,
    }
  }
}

/**
 * The client messages that a room has accepted of late, by (user, client id), in two generations: the younger one
 * fills until it is old or full, then takes the place of the older. A map that lost its first entries one by one
 * would have to step over all their graves to find the next.
 */
export class Dedupe {
  #young = new Generation()
  #old = new Generation()
  #forgotten = 0
  #youngSince = Number.NEGATIVE_INFINITY
  #lastAt = Number.NEGATIVE_INFINITY

  constructor(private readonly window: DedupeWindow) {}

  get bytes(): number {
    return this.size * RECORD_BYTES
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  /** The newest offset whose record was given up: what was first sent before it may be in the log unrecognised. */
  get forgotten(): number {
    return this.#forgotten
  }

  /** By user too: with a bare client id, one user could suppress another's message. */
  find(userId: string, clientId: string, now: number): Remembered | undefined {
    this.expire(now)
    return this.#young.find(userId, clientId) ?? this.#old.find(userId, clientId)
  }

  /** A message that {@link find} does not know. */
  remember(clientId: string, record: Remembered, now: number): void {
    this.expire(now)
    if (this.#young.size === 0) this.#youngSince = now
    this.#young.add(clientId, record)
    this.#lastAt = now
  }

  expire(now: number): void {
    if (this.size === 0) return
    const { count, ms } = this.window
    if (now - this.#lastAt >= ms) {
      this.forgetOlder()
      this.forgetOlder()
    } else if (this.#young.size >= count || now - this.#youngSince >= ms) {
      this.forgetOlder()
      this.#youngSince = now
    }
  }

  /** Gives up the older generation, or the only one. */
  forgetOlder(): void {
    this.#forgotten = Math.max(this.#forgotten, this.#old.lastOffset)
    this.#old = this.#young
    this.#young = new Generation()
  }
}

/** No client id holds a line break. */
function sharedKey(userId: string, clientId: string): string {
  return `${clientId}\n${userId}`
}
