import type { Position } from './log.js'

export interface Remembered {
  readonly fingerprint: string
  readonly position: Position
  /** Wall time of the first acceptance, in ms since 1970. */
  readonly wall: number
}

export interface DedupeWindow {
  /** Messages a room remembers. */
  readonly count: number
  /** How long a message is remembered, in ms. */
  readonly ms: number
}

/** What an entry costs, roughly: two strings, two objects, a map slot. */
const RECORD_BYTES = 320

/** The client messages that a room has accepted of late, by (user, client id). */
export class Dedupe {
  /** In the order of acceptance, which is the order of expiry. */
  readonly #records = new Map<string, Remembered & { readonly at: number }>()

  constructor(private readonly window: DedupeWindow) {}

  get bytes(): number {
    return this.#records.size * RECORD_BYTES
  }

  get size(): number {
    return this.#records.size
  }

  find(userId: string, clientId: string, now: number): Remembered | undefined {
    this.expire(now)
    return this.#records.get(key(userId, clientId))
  }

  remember(userId: string, clientId: string, record: Remembered, now: number): void {
    this.#records.set(key(userId, clientId), { ...record, at: now })
    this.expire(now)
  }

  expire(now: number): void {
    for (const [id, record] of this.#records) {
      if (this.#records.size <= this.window.count && now - record.at < this.window.ms) break
      this.#records.delete(id)
    }
  }
}

/** By user too: with a bare client id, one user could suppress another's message. */
function key(userId: string, clientId: string): string {
  return `${clientId} ${userId}`
}
