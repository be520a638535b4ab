import type { Clock } from '../runtime/clock.js'
import { Emitter } from '../runtime/emitter.js'

/** Calls the application's handlers for a room. Events in the task of a join wait for the next task. */
export class RoomEvents extends Emitter<Record<string, unknown>> {
  #held: (() => void)[] | undefined

  /**
   * Holds live events until the next task, because the code after `await join()` runs before it and may add handlers.
   */
  hold(clock: Clock): void {
    if (this.#held) return
    this.#held = []
    clock.setTimeout(() => {
      const held = this.#held ?? []
      this.#held = undefined
      for (const emit of held) emit()
    }, 0)
  }

  /** Emits at once, or after the held events. */
  tell(type: string, event: unknown): void {
    const emit = () => this.emit(type, event)
    if (this.#held) this.#held.push(emit)
    else emit()
  }

  /** Held events were for a user who is gone. */
  drop(): void {
    if (this.#held) this.#held = []
  }
}
