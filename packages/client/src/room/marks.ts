import type { Cursor, Mark, ServerMessageOf } from '@roomful/protocol'

/** Of how many users marks are kept: of those who have read or written last. */
const MOST_MARKS = 1_000

/** How far others have read a room. Kept from the join on, as `chat()` may be asked for it long after that. */
export class Marks {
  readonly #marks = new Map<string, Cursor>()

  get all(): ReadonlyMap<string, Cursor> {
    return this.#marks
  }

  /** Frames of two devices may overtake each other on their way through several nodes. A base server gives no offsets. */
  heard({ user_id, epoch, offset, id, deleted }: Mark & { readonly deleted?: boolean }): void {
    const known = this.#marks.get(user_id)
    if (!offset || (known?.epoch === epoch && known.offset >= offset)) return
    // The server has read nothing, whatever it writes, and who wrote what was erased may be erased, too.
    if (deleted || typeof user_id !== 'string' || user_id.startsWith('@')) return
    this.#marks.set(user_id, { epoch, offset, id })
    for (const oldest of this.#marks.keys()) if (this.#marks.size > MOST_MARKS) this.#marks.delete(oldest)
  }

  joined(frame: ServerMessageOf<'joined'>): void {
    this.cut(frame)
    if (frame.marks) this.#marks.clear()
    for (const mark of frame.marks ?? []) if (mark.epoch === frame.epoch) this.heard(mark)
  }

  /** Marks of entries that the log has lost fall back, and those of an earlier log end. */
  cut({ reason, epoch, offset, id }: Partial<ServerMessageOf<'joined' | 'resync'>>): void {
    if (reason !== 'forked' && reason !== 'epoch_changed') return
    for (const [user, mark] of this.#marks)
      if (mark.epoch !== epoch) this.#marks.delete(user)
      else if (offset !== undefined && id !== undefined && mark.offset > offset)
        this.#marks.set(user, { epoch, offset, id })
  }

  erased(userId: unknown): void {
    this.#marks.delete(userId as string)
  }

  clear(): void {
    this.#marks.clear()
  }
}
