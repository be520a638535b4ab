import type { Clock } from '../runtime/clock.js'
import { Emitter } from '../runtime/emitter.js'

/** Calls the application's handlers of a room. What comes in the task of a join waits for the next one. */
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

  /** Emits at once, or after what is held. */
  tell(type: string, event: unknown): void {
    const emit = () => this.emit(type, event)
    if (this.#held) this.#held.push(emit)
    else emit()
  }

  /** What is held is for a user who is gone. */
  drop(): void {
    if (this.#held) this.#held = []
  }
}
