import { type Clock, Timer, type TimerHandle } from '../runtime/clock.js'
import { type Observable, type Report, Value } from '../runtime/observable.js'

/** Between two `typing_start`, in ms. */
const THROTTLE_MS = 2_000
/** After the last keystroke, in ms. */
const IDLE_MS = 3_000
/** A typer of whom nothing more was heard is gone after this, in ms. */
const EXPIRY_MS = 7_000

/** Who else is typing, and telling the others that this user is. Never queued: what cannot be sent now is dropped. */
export class Typing implements Observable<readonly string[]> {
  /** Ids of the users who are typing, this one excluded. */
  readonly get: () => readonly string[]
  readonly subscribe: Observable<readonly string[]>['subscribe']
  readonly getInitial: () => readonly string[]
  readonly #users: Value<readonly string[]>
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
    this.#clock = clock
    this.#send = send
    this.#idleTimer = new Timer(clock)
    this.#users = new Value<readonly string[]>([], report, watched)
    this.get = this.#users.get
    this.subscribe = this.#users.subscribe
    this.getInitial = this.#users.getInitial
  }

  get isWatched(): boolean {
    return this.#users.isWatched
  }

  /** Call on each keystroke: the others are told at most every 2 s, and that it ended 3 s after the last one. */
  keystroke(): void {
    const now = this.#clock.now()
    if (this.#sentAt === undefined || now - this.#sentAt >= THROTTLE_MS) {
      this.#sentAt = this.#send('typing_start') ? now : undefined
    }
    if (this.#sentAt !== undefined) this.#idleTimer.set(IDLE_MS, () => this.stop())
  }

  /** Call when the composer loses the focus or is emptied. */
  stop(): void {
    if (this.#sentAt !== undefined) this.#send('typing_stop')
    this.ended()
  }

  /** The server ended it by itself, as it does when a message is sent. */
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
    if (isKnown && !isTyping) this.#users.set(this.get().filter((other) => other !== user))
    if (!isKnown && isTyping) this.#users.set([...this.get(), user])
  }

  /** Nobody is heard while there is no connection. */
  reset(): void {
    this.ended()
    for (const user of [...this.#expiries.keys()]) this.heard(user, false)
  }
}
