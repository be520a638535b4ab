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
  /** How long a message is remembered, in ms, if there are not too many. */
  readonly ms: number
}

/** What a record costs, roughly: two strings, two objects, a map slot. */
const RECORD_BYTES = 320

class Generation {
  readonly records = new Map<string, Remembered>()
  lastOffset = 0

  get size(): number {
    return this.records.size
  }

  add(key: string, record: Remembered): void {
    this.records.set(key, record)
    this.lastOffset = record.position.offset
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

  /** `key` as {@link dedupeKey} makes it. */
  find(key: string, now: number): Remembered | undefined {
    this.expire(now)
    return this.#young.records.get(key) ?? this.#old.records.get(key)
  }

  remember(key: string, record: Remembered, now: number): void {
    this.expire(now)
    if (this.#young.size === 0) this.#youngSince = now
    this.#young.add(key, record)
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

/** By user too: with a bare client id, one user could suppress another's message. No client id holds a line break. */
export function dedupeKey(userId: string, clientId: string): string {
  return `${clientId}\n${userId}`
}
