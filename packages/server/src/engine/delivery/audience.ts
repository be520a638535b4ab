import type { Connection } from '../connection/connection.js'
import { type Item, type Member, WriteBatch } from './write-batch.js'

/** The members of a room on this node, and what each of them still has to receive. */
export class Audience {
  /** By connection id. */
  readonly #members = new Map<string, Member>()
  #writeBatch = new WriteBatch()
  /** When the batch is due, monotonic; `Infinity` while it is empty. */
  dueAt = Number.POSITIVE_INFINITY
  cancelTimer: () => void = () => {}
  /** The budget for flushes that carry only joins and leaves: when it will be full again. */
  notices = 0

  get size(): number {
    return this.#members.size
  }

  get connectionIds(): Iterable<string> {
    return this.#members.keys()
  }

  /** Whether the batch is already scheduled. */
  get isScheduled(): boolean {
    return this.dueAt !== Number.POSITIVE_INFINITY
  }

  get waiting(): { readonly length: number; readonly size: number } {
    return this.#writeBatch
  }

  /** Whether a connection receives what is delivered now. */
  isLive(connectionId: string): boolean {
    return this.#members.get(connectionId)?.live ?? false
  }

  /** Adds a member. It does not get the frames that are already waiting, since it has read them from the log. */
  add(connection: Connection, userId: string): void {
    this.#members.set(connection.id, { connection, userId, from: this.#writeBatch.length, live: true })
  }

  /** Withholds live frames from a member whose resume takes several pages, until it is added again. */
  suspend(connectionId: string): void {
    const member = this.#members.get(connectionId)
    if (member) member.live = false
  }

  remove(connectionId: string): void {
    this.#members.delete(connectionId)
  }

  collect(item: Item): void {
    this.#writeBatch.add(item)
  }

  /** Passes waiting frames to the members' connections; returns false if there were none. */
  flush(): boolean {
    const batch = this.#writeBatch
    this.#writeBatch = new WriteBatch()
    this.dueAt = Number.POSITIVE_INFINITY
    this.cancelTimer()
    if (batch.length === 0) return false
    for (const member of this.#members.values()) {
      const frames = batch.shareOf(member)
      member.from = 0
      if (frames) member.connection.write(frames)
    }
    return true
  }
}
