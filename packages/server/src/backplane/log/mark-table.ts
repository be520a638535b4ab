import type { Position } from '../../api/contracts/log.js'
import type { UserMark } from '../../api/contracts/marks.js'

export interface MarkBounds {
  /** Maximum number of marks in a stream. */
  readonly count: number
  /** How long a mark is kept after it was moved last, in ms. */
  readonly ms: number
}

interface Kept {
  readonly offset: number
  readonly id: string
  readonly at: number
}

/** What one costs in memory in addition to its user's name. */
const OVERHEAD = 300

/** The marks of one stream, the one that was moved longest ago first. */
export class MarkTable {
  readonly #marks = new Map<string, Kept>()
  #bytes = 0

  constructor(private readonly bounds: MarkBounds) {}

  get size(): number {
    return this.#marks.size
  }

  /** The memory that they take. */
  get bytes(): number {
    return this.#bytes
  }

  get(userId: string): Kept | undefined {
    return this.#marks.get(userId)
  }

  set(userId: string, { offset, id }: Position, at: number): void {
    // Deleted first, so that it comes last.
    if (!this.#marks.delete(userId)) this.#bytes += costOf(userId)
    this.#marks.set(userId, { offset, id, at })
    while (this.#marks.size > this.bounds.count) this.#dropOldest()
  }

  delete(userId: string): void {
    if (this.#marks.delete(userId)) this.#bytes -= costOf(userId)
  }

  expire(now: number): void {
    for (const { at } of this.#marks.values()) {
      if (now - at < this.bounds.ms) return
      this.#dropOldest()
    }
  }

  /** Drops half of them, because the node's memory is full. */
  dropHalf(): void {
    for (let left = Math.ceil(this.size / 2); left > 0; left--) this.#dropOldest()
  }

  newest(most: number, epoch: string): readonly UserMark[] {
    const marks = [...this.#marks].slice(-most)
    return marks.map(([userId, { offset, id }]) => ({ userId, mark: { epoch, offset, id } }))
  }

  #dropOldest(): void {
    const [oldest] = this.#marks.keys()
    if (oldest !== undefined) this.delete(oldest)
  }
}

const costOf = (userId: string): number => OVERHEAD + 2 * userId.length
