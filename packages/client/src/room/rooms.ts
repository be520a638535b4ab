/** The properties that decide whether a room's handle is kept. */
interface Keepable {
  readonly id: string
  /** Whether it is joined, somebody listens to it, or messages wait to be sent to it. */
  readonly isHeld: boolean
}

/** How many unused rooms are kept in case somebody returns to them. */
const SPARE = 16

/**
 * A client's rooms. An unused room is kept only while the application holds its handle. Otherwise an application that
 * visits one room after another would fill the memory.
 */
export class Rooms<R extends Keepable> {
  /** A base server keeps each connection in one room, the one that it joined last. */
  base: R | undefined
  readonly #kept = new Map<string, R>()
  readonly #loose = new Map<string, WeakRef<R>>()
  /** Removes the names of rooms that are gone. Without it, as on older versions of React Native, the names remain. */
  readonly #gone =
    globalThis.FinalizationRegistry &&
    new FinalizationRegistry<string>((id) => {
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

  /** Records that the room is new or in use again. Does nothing for a released room. */
  use(room: R): void {
    if (this.#kept.get(room.id) === room || this.get(room.id) !== room) return
    this.add(room)
  }

  add(room: R): void {
    this.#loose.delete(room.id)
    this.#kept.set(room.id, room)
    this.sweep()
  }

  /** The next call for this name creates a new handle. */
  release({ id }: R): void {
    this.#kept.delete(id)
    this.#loose.delete(id)
  }

  /** Removes unused rooms, except the newest ones. */
  sweep(): void {
    const spare = [...this.#kept.values()].filter(({ isHeld }) => !isHeld)
    for (const room of spare.slice(0, -SPARE)) {
      this.#kept.delete(room.id)
      this.#loose.set(room.id, new WeakRef(room))
      this.#gone?.register(room, room.id)
    }
  }
}
