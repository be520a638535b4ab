import { type Clock, Timer, type TimerHandle } from '../runtime/clock.js'
import { type Report, Value } from '../runtime/observable.js'

/** Shortest time between two `typing_start`, in ms. */
const THROTTLE_MS = 2_000
/** Time after the last keystroke until typing ends, in ms. */
const IDLE_MS = 3_000
/** Time without news after which another user no longer counts as typing, in ms. */
const EXPIRY_MS = 7_000

/**
 * Shows the ids of the others who are typing, and sends that this user is. Typing is never queued: if it cannot be sent
 * now, it is dropped.
 */
export class Typing extends Value<readonly string[]> {
  readonly #clock: Clock
  readonly #send: (type: 'typing_start' | 'typing_stop') => boolean
  readonly #idleTimer: Timer
  readonly #expiries = new Map<string, TimerHandle>()
  #sentAt: number | undefined

  constructor(
    clock: Clock,
    report: Report,
    send: (type: 'typing_start' | 'typing_stop') => boolean,
    watched: () => void,
  ) {
    super([], report, watched)
    this.#clock = clock
    this.#send = send
    this.#idleTimer = new Timer(clock)
  }

  /**
   * Call this on each keystroke. It notifies the others at most every 2 s, and that typing ended 3 s after the last
   * keystroke.
   */
  keystroke(): void {
    const now = this.#clock.now()
    if (this.#sentAt === undefined || now - this.#sentAt >= THROTTLE_MS) {
      this.#sentAt = this.#send('typing_start') ? now : undefined
    }
    if (this.#sentAt !== undefined) this.#idleTimer.set(IDLE_MS, () => this.stop())
  }

  /** Call this when the composer loses the focus or is emptied. */
  stop(): void {
    if (this.#sentAt !== undefined) this.#send('typing_stop')
    this.ended()
  }

  /** The server ended typing by itself, as it does when a message is sent. */
  ended(): void {
    this.#sentAt = undefined
    this.#idleTimer.clear()
  }

  heard(user: string, isTyping: boolean): void {
    this.#clock.clearTimeout(this.#expiries.get(user))
    this.#expiries.delete(user)
    if (isTyping)
      this.#expiries.set(
        user,
        this.#clock.setTimeout(() => this.heard(user, false), EXPIRY_MS),
      )
    const isKnown = this.get().includes(user)
    if (isKnown && !isTyping) this.set(this.get().filter((other) => other !== user))
    if (!isKnown && isTyping) this.set([...this.get(), user])
  }

  /** Without a connection, nobody is shown as typing. */
  reset(): void {
    this.ended()
    for (const user of [...this.#expiries.keys()]) this.heard(user, false)
  }
}
