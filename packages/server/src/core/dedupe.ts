import type { Position } from './log.js'

export interface Remembered {
  readonly fingerprint: string
  readonly position: Position
  /** Wall time of the first acceptance, in ms since 1970. */
  readonly wall: number
}

export interface DedupeWindow {
  /** Messages that a room remembers at the least, if they are not too old. */
  readonly count: number
  /** How long a message is remembered at the least, in ms. */
  readonly ms: number
}

/** What a record costs, roughly: two strings, two objects, a map slot. */
const RECORD_BYTES = 320

type Generation = Map<string, Remembered>

/**
 * The client messages that a room has accepted of late, by (user, client id), in two generations: the younger one
 * fills until it is old or full, then takes the place of the older. A map that lost its first entries one by one
 * would have to step over all their graves to find the next.
 */
export class Dedupe {
  #young: Generation = new Map()
  #old: Generation = new Map()
  #youngSince = Number.NEGATIVE_INFINITY
  #lastAt = Number.NEGATIVE_INFINITY

  constructor(private readonly window: DedupeWindow) {}

  get bytes(): number {
    return this.size * RECORD_BYTES
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  find(userId: string, clientId: string, now: number): Remembered | undefined {
    this.expire(now)
    const id = key(userId, clientId)
    return this.#young.get(id) ?? this.#old.get(id)
  }

  remember(userId: string, clientId: string, record: Remembered, now: number): void {
    this.expire(now)
    if (this.#young.size === 0) this.#youngSince = now
    this.#young.set(key(userId, clientId), record)
    this.#lastAt = now
  }

  expire(now: number): void {
    const { count, ms } = this.window
    if (now - this.#lastAt >= ms) {
      this.#young.clear()
      this.#old.clear()
    } else if (this.#young.size >= count || now - this.#youngSince >= ms) {
      this.#old = this.#young
      this.#young = new Map()
      this.#youngSince = now
    }
  }
}

/** By user too: with a bare client id, one user could suppress another's message. No client id holds a line break. */
function key(userId: string, clientId: string): string {
  return `${clientId}\n${userId}`
}
