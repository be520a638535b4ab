import type { Clock } from '../api/contracts/clock.js'

interface Carried<F> {
  readonly frame: F
  readonly bytes: number
  readonly dueAt: number
}

/** One direction of a link: frames arrive in order, late, twice, or not at all. */
export class Pipe<F> {
  delayMs = 0
  #queue: Carried<F>[] = []
  #isHeld = false
  #isSwallowing = false
  #duplicates = false
  #onDrop: (() => void) | undefined
  #isScheduled = false

  constructor(
    private readonly clock: Clock,
    private readonly deliver: (frame: F) => void,
  ) {}

  /** Bytes that wait because the reader does not read. */
  get heldBytes(): number {
    return this.#isHeld ? this.#queue.reduce((sum, { bytes }) => sum + bytes, 0) : 0
  }

  push(frame: F, bytes: number): void {
    if (this.#isSwallowing) return
    const onDrop = this.#onDrop
    if (onDrop) {
      this.#onDrop = undefined
      this.clock.soon(onDrop)
      return
    }
    const carried = { frame, bytes, dueAt: this.clock.now() + this.delayMs }
    this.#queue.push(carried)
    if (this.#duplicates) this.#queue.push(carried)
    this.#duplicates = false
    this.#schedule()
  }

  hold(isHeld: boolean): void {
    this.#isHeld = isHeld
    if (!isHeld) this.#schedule()
  }

  swallow(): void {
    this.#isSwallowing = true
    this.#queue = []
  }

  duplicateNext(): void {
    this.#duplicates = true
  }

  dropNext(then: () => void): void {
    this.#onDrop = then
  }

  #schedule(): void {
    const next = this.#queue[0]
    if (!next || this.#isHeld || this.#isScheduled) return
    this.#isScheduled = true
    const wait = next.dueAt - this.clock.now()
    const run = () => {
      this.#isScheduled = false
      this.#run()
    }
    if (wait > 0) this.clock.after(wait, run)
    else this.clock.soon(run)
  }

  #run(): void {
    const now = this.clock.now()
    while (!this.#isHeld) {
      const next = this.#queue[0]
      if (!next || next.dueAt > now) break
      this.#queue.shift()
      this.deliver(next.frame)
    }
    this.#schedule()
  }
}
