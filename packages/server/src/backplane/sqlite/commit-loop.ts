import { isPromise } from '../../util/maybe-promise.js'
import type { Calls } from './calls.js'
import type { Erasures } from './erasures.js'
import { explained, FileFault, faultOf } from './faults.js'
import type { CallRequest, PublishOutcome, PublishRequest, Reply, Request } from './requests.js'
import type { Store } from './store.js'
import type { StoreFile } from './store-file.js'

/** Maximum number of messages in one transaction. */
const GROUP_MESSAGES = 1_000
const GROUP_BYTES = 4 * 1024 * 1024
/** For how long calls are served before it is the messages' turn again. */
const CALLS_MS = 5

type Outcomes = (readonly [number, PublishOutcome])[]

/**
 * Serves what arrives: first all waiting publishes, in one transaction, then calls for a few ms. After a failed
 * commit, `fault` says why, until a commit succeeds. The same connection is used, because its next commit overwrites
 * anything that the failed one may have left; a new connection would treat that as committed.
 */
export class CommitLoop {
  readonly #publishes: PublishRequest[] = []
  readonly #calls: CallRequest[] = []
  #fault: string | undefined

  constructor(
    private readonly file: StoreFile,
    private readonly path: string,
    private readonly store: Store,
    private readonly calls: Calls,
    private readonly erasures: Erasures,
    private readonly reply: (reply: Reply) => void,
    private readonly now: () => number,
  ) {}

  get hasWork(): boolean {
    return this.#publishes.length + this.#calls.length > 0 || this.#mayErase
  }

  get isFailing(): boolean {
    return this.#fault !== undefined
  }

  take(requests: readonly Request[]): void {
    for (const request of requests)
      if (request.kind === 'publish') this.#publishes.push(request)
      else this.#calls.push(request)
  }

  step(): void {
    if (this.#publishes.length > 0) this.#commit(this.#nextGroup())
    const until = this.now() + CALLS_MS
    for (let call = this.#calls.shift(); call; call = this.#calls.shift()) {
      this.#serve(call)
      if (this.now() > until) break
    }
    if (this.#mayErase) this.#erase()
    this.#maintain(false)
  }

  /** Called when nothing has arrived for a while. */
  idle(): void {
    this.#maintain(true)
  }

  /** Checks whether a commit succeeds again. */
  probe(): void {
    if (this.isFailing) this.#commit([])
    else this.erasures.retry()
  }

  #nextGroup(): PublishRequest[] {
    let bytes = 0
    let count = 0
    for (const { open } of this.#publishes) {
      bytes += open.length
      if (count > 0 && (count === GROUP_MESSAGES || bytes > GROUP_BYTES)) break
      count++
    }
    return this.#publishes.splice(0, count)
  }

  #commit(group: readonly PublishRequest[]): void {
    const refused: number[] = []
    const bytes = group.reduce((sum, { open }) => sum + open.length, 0)
    try {
      const outcomes = this.file.commit(() => this.#write(group, refused), group.length, bytes)
      this.#tell(undefined)
      if (outcomes.length > 0) this.reply({ kind: 'committed', outcomes })
      if (refused.length > 0) this.#refuse(refused, 'see the log')
    } catch (error) {
      const { message } = explained(this.path, error)
      this.#tell(message)
      const tickets = group.map(({ ticket }) => ticket)
      // A sync that failed may have left the whole commit in the file.
      this.#refuse(tickets, message, faultOf(error) === 'io')
    }
  }

  #write(group: readonly PublishRequest[], refused: number[]): Outcomes {
    // A group of repeats writes nothing, so its commit would prove nothing.
    if (this.isFailing) this.file.touch()
    const outcomes: Outcomes = []
    for (const request of group) {
      const outcome = this.#writeOne(request)
      if (outcome) outcomes.push([request.ticket, outcome])
      else refused.push(request.ticket)
    }
    return outcomes
  }

  /** Uses a savepoint: an error in one message does not affect the others in its group. */
  #writeOne(request: PublishRequest): PublishOutcome | undefined {
    const { driver } = this.file
    driver.prepare('SAVEPOINT message').run()
    try {
      const outcome = this.store.publish(request)
      driver.prepare('RELEASE message').run()
      return outcome
    } catch (error) {
      const fault = explained(this.path, error)
      // A fault of the disk affects all messages, and SQLite may have given up the transaction.
      if (!(fault instanceof FileFault) || fault.fault !== 'other') throw error
      driver.exec('ROLLBACK TO message')
      driver.exec('RELEASE message')
      this.reply({ kind: 'warned', message: `a message could not be written: ${fault.message}` })
      return undefined
    }
  }

  #serve(call: CallRequest): void {
    const { ticket } = call
    try {
      const value = this.calls.serve(call)
      if (isPromise(value))
        value.then(
          () => this.reply({ kind: 'answered', ticket, value: undefined }),
          (error: unknown) => this.#refuseCall(ticket, error),
        )
      else this.reply({ kind: 'answered', ticket, value })
    } catch (error) {
      this.#refuseCall(ticket, error)
    }
  }

  #refuseCall(ticket: number, error: unknown): void {
    const { message } = explained(this.path, error)
    this.reply({ kind: 'warned', message })
    this.#refuse([ticket], message)
  }

  #refuse(tickets: readonly number[], message: string, isInDoubt = false): void {
    this.reply({ kind: 'refused', tickets, message, isInDoubt })
  }

  get #mayErase(): boolean {
    return this.erasures.hasWork && !this.isFailing
  }

  #erase(): void {
    try {
      this.erasures.step()
    } catch (error) {
      this.reply({ kind: 'warned', message: explained(this.path, error).message })
    }
  }

  #maintain(isIdle: boolean): void {
    try {
      if (!this.isFailing) this.file.checkpoint(isIdle)
    } catch (error) {
      this.reply({ kind: 'warned', message: explained(this.path, error).message })
    }
  }

  #tell(fault: string | undefined): void {
    if (fault === this.#fault) return
    this.#fault = fault
    this.reply({ kind: 'health', fault })
  }
}
