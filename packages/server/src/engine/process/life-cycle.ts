import { RoomfulError } from '../../api/contracts/roomful-error.js'

/** The state of the server. Calls of the application wait until it has started, and are refused once it is closed. */
export class LifeCycle {
  #isLeaving = false
  #isDraining = false
  #starting: Promise<void> | undefined
  #hasStarted = false
  #isClosed = false

  get hasStarted(): boolean {
    return this.#hasStarted
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Whether balancers should send new connections to this node. */
  get isServing(): boolean {
    return this.#hasStarted && !this.#isLeaving && !this.#isDraining
  }

  /** Keeps serving, but reports that it is not, because balancers take a while to notice. */
  startLeaving(): void {
    this.#isLeaving = true
  }

  /** Whether clients are being moved to other nodes, and no connections are accepted. */
  get isDraining(): boolean {
    return this.#isDraining
  }

  startDraining(): void {
    this.#isDraining = true
  }

  /** Starts, once. @throws RoomfulError `closed` */
  start(work: () => Promise<void>): Promise<void> {
    if (this.#isClosed) return Promise.reject(closedError())
    this.#starting ??= work().then(() => {
      this.#hasStarted = true
    })
    return this.#starting
  }

  /** Resolves when starting has finished, whether it succeeded or not. */
  async started(): Promise<void> {
    await this.#starting?.catch(() => {})
  }

  close(): void {
    this.#isClosed = true
  }

  /** @throws RoomfulError `closed` */
  assertOpen(): void {
    if (this.#isClosed) throw closedError()
  }

  /**
   * Runs work with a result once the server has started. Rejects with `closed`, or with `unavailable` if it could not
   * start.
   */
  run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isClosed) return Promise.reject(closedError())
    return this.#mustWait ? this.#runLater(work) : work()
  }

  /**
   * Runs work without a result once the server has started. If it could not start, which is logged, the work never
   * runs.
   */
  soon(work: () => void): void {
    if (this.#mustWait) this.#runLater(async () => work()).catch(() => {})
    else work()
  }

  get #mustWait(): boolean {
    return this.#starting !== undefined && !this.#hasStarted
  }

  async #runLater<T>(work: () => Promise<T>): Promise<T> {
    try {
      await this.#starting
    } catch (cause) {
      throw new RoomfulError('unavailable', { message: 'The backplane could not be started', cause })
    }
    this.assertOpen()
    return work()
  }
}

export function closedError(): RoomfulError {
  return new RoomfulError('closed', {
    message: 'This server is closed: create another one with createServer',
  })
}
