import { isPromise } from '../../util/maybe-promise.js'
import type { Calls } from './calls.js'
import { Damage } from './damage.js'
import type { Erasures } from './erasures.js'
import { explained, FileFault, faultOf } from './faults.js'
import type { Group } from './group.js'
import type { CallRequest, PublishOutcome, PublishRequest, Reply, Request } from './requests.js'
import type { Store } from './store.js'
import type { StoreFile } from './store-file.js'

/** Maximum number of messages in one transaction. */
const GROUP_MESSAGES = 1_000
const GROUP_BYTES = 4 * 1024 * 1024
/** For how long calls are served before it is the messages' turn again. */
const CALLS_MS = 5
/** How long the text of a deleted message may stay in the journal of a busy server. */
const REDACT_MS = 30_000

interface Result {
  readonly request: PublishRequest
  /** `undefined` if the message has to be tried again in the next transaction. */
  readonly outcome: PublishOutcome | undefined
}

/**
 * Serves what arrives: first all waiting publishes, in one transaction, then calls for a few ms. After a failed
 * commit, `fault` says why, until a commit succeeds. The same connection is used, because its next commit overwrites
 * anything that the failed one may have left; a new connection would treat that as committed.
 */
export class CommitLoop {
  readonly #publishes: PublishRequest[] = []
  readonly #calls: CallRequest[] = []
  readonly #damage: Damage
  #fault: string | undefined
  /** When the journal has to be emptied, since texts that were deleted are in it. An earlier process may have left some. */
  #emptyAt: number

  constructor(
    private readonly file: StoreFile,
    private readonly path: string,
    private readonly store: Store,
    private readonly calls: Calls,
    private readonly erasures: Erasures,
    private readonly reply: (reply: Reply) => void,
    private readonly now: () => number,
  ) {
    this.#damage = new Damage(file.driver, path)
    this.#emptyAt = now() + REDACT_MS
  }

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
    for (let call = this.#nextCall(); call; call = this.#nextCall()) {
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

  /** The file is closed after all that was published before, which may take several transactions. */
  #nextCall(): CallRequest | undefined {
    const mustWait = this.#calls[0]?.kind === 'close' && this.#publishes.length > 0
    return mustWait ? undefined : this.#calls.shift()
  }

  #commit(requests: readonly PublishRequest[]): void {
    const bytes = requests.reduce((sum, { open }) => sum + open.length, 0)
    const group = this.store.group()
    try {
      const results = this.file.commit(() => this.#write(requests, group), requests.length, bytes)
      group.committed()
      if (group.hasRedacted) this.#emptyAt = Math.min(this.#emptyAt, this.now() + REDACT_MS)
      this.#tell(undefined)
      this.#report(results)
    } catch (error) {
      if (error instanceof MessageFault) this.#isolate(requests, error)
      else this.#fail(requests, error)
    }
  }

  #write(requests: readonly PublishRequest[], group: Group): Result[] {
    // A group of repeats writes nothing, so its commit would prove nothing.
    if (this.isFailing) this.file.touch()
    const results = requests.map((request) => ({ request, outcome: this.#publish(request, group) }))
    group.writeRooms()
    return results
  }

  #publish(request: PublishRequest, group: Group): PublishOutcome | undefined {
    try {
      return group.publish(request)
    } catch (error) {
      const fault = explained(this.path, error)
      // A fault of the disk affects all messages.
      if (!(fault instanceof FileFault) || fault.fault !== 'other') throw error
      throw new MessageFault(fault.message)
    }
  }

  #report(results: readonly Result[]): void {
    const outcomes: (readonly [number, PublishOutcome])[] = []
    for (const { request, outcome } of results)
      if (outcome) outcomes.push([request.ticket, outcome])
      else this.#publishes.push(request)
    if (outcomes.length > 0) this.reply({ kind: 'committed', outcomes })
  }

  /**
   * Refuses the message that failed, and no other in its group. It is found by halves, because a savepoint for each message
   * would take a fifth of the thread's time, for something that should never happen.
   */
  #isolate(requests: readonly PublishRequest[], { message }: MessageFault): void {
    if (requests.length > 1) {
      const half = requests.length >> 1
      this.#commit(requests.slice(0, half))
      this.#commit(requests.slice(half))
      return
    }
    this.reply({ kind: 'warned', message: `a message could not be written: ${message}` })
    this.#refuse(ticketsOf(requests), 'see the log')
  }

  #fail(requests: readonly PublishRequest[], error: unknown): void {
    const message = this.#describe(error)
    this.#tell(message)
    // A sync that failed may have left the whole commit in the file.
    this.#refuse(ticketsOf(requests), message, faultOf(error) === 'io')
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
    this.#warn(error)
    this.#refuse([ticket], this.#describe(error))
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
      this.#warn(error)
    }
  }

  #maintain(isIdle: boolean): void {
    try {
      if (this.isFailing) return
      if (isIdle ? this.#emptyAt < Number.POSITIVE_INFINITY : this.now() >= this.#emptyAt)
        this.#emptyJournal()
      else this.file.checkpoint(isIdle)
    } catch (error) {
      this.#warn(error)
    }
  }

  #emptyJournal(): void {
    // If it fails, not again with each message.
    this.#emptyAt = this.now() + REDACT_MS
    this.file.emptyJournal()
    this.#emptyAt = Number.POSITIVE_INFINITY
  }

  #describe(error: unknown): string {
    return faultOf(error) === 'damaged' ? this.#damage.describe(error) : explained(this.path, error).message
  }

  #warn(error: unknown): void {
    if (faultOf(error) === 'damaged' && this.#damage.isKnown) return
    this.reply({ kind: 'warned', message: this.#describe(error) })
  }

  #tell(fault: string | undefined): void {
    if (fault === this.#fault) return
    this.#fault = fault
    this.reply({ kind: 'health', fault })
  }
}

/** A message could not be written, for a reason of its own. */
class MessageFault extends Error {}

const ticketsOf = (requests: readonly PublishRequest[]): number[] => requests.map(({ ticket }) => ticket)
