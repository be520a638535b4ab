/** What decides whether a room's handle is kept. */
interface Keepable {
  readonly id: string
  /** Whether it is joined, someone listens to it, or something is to be sent to it. */
  readonly isHeld: boolean
}

/** Rooms that nothing holds, and that are kept for someone who comes back. */
const SPARE = 16

/**
 * A client's rooms. One that nothing holds any more is kept as long as the application has its handle: whoever visits
 * room after room would fill the memory with those that were left.
 */
export class Rooms<R extends Keepable> {
  /** A base server has each connection in one room, the one that it joined last. */
  base: R | undefined
  readonly #kept = new Map<string, R>()
  readonly #loose = new Map<string, WeakRef<R>>()
  readonly #gone = new FinalizationRegistry<string>((id) => {
    if (!this.#loose.get(id)?.deref()) this.#loose.delete(id)
  })

  get(id: string): R | undefined {
    return this.#kept.get(id) ?? this.#loose.get(id)?.deref()
  }

  *values(): Iterable<R> {
    yield* [...this.#kept.values()]
    for (const ref of [...this.#loose.values()]) {
      const room = ref.deref()
      if (room) yield room
    }
  }

  /** The room is new, or used again. Does nothing for one that was released. */
  use(room: R): void {
    if (this.#kept.get(room.id) === room || this.get(room.id) !== room) return
    this.add(room)
  }

  add(room: R): void {
    this.#loose.delete(room.id)
    this.#kept.set(room.id, room)
    this.sweep()
  }

  /** The next handle of this name is a new one. */
  release({ id }: R): void {
    this.#kept.delete(id)
    this.#loose.delete(id)
  }

  /** Lets go of rooms that nothing holds, but for the newest. */
  sweep(): void {
    const spare = [...this.#kept.values()].filter(({ isHeld }) => !isHeld)
    for (const room of spare.slice(0, -SPARE)) {
      this.#kept.delete(room.id)
      this.#loose.set(room.id, new WeakRef(room))
      this.#gone.register(room, room.id)
    }
  }
}
