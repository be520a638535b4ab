import type { Position } from '../../api/contracts/backplane.js'
import type { Clock } from '../../api/contracts/clock.js'
import { isReacting } from '../log/amending.js'
import type { Announced, PublishOutcome, PublishRequest, Reply, Request } from './requests.js'
import type { StartThread, Thread, ThreadListener } from './thread.js'
import { outcomeUnknown, unavailable } from './unavailable.js'

/** Maximum number of messages that wait for the disk; further senders must try again later. */
const MAX_PENDING = 10_000
const MAX_PENDING_BYTES = 16 * 1024 * 1024
/** The first and the longest wait before the thread is started again. */
const RESTART_MS = 100
const MAX_RESTART_MS = 5_000

interface Pending {
  readonly request: Request
  readonly bytes: number
  resolve(value: unknown): void
  reject(error: Error): void
}

export interface ThreadEvents {
  /** An entry is on disk. Called before its publish resolves, in the order of the log. */
  committed(request: PublishRequest, outcome: PublishOutcome): void
  /** Texts in these streams were erased, and these entries say so. */
  erased(changed: ReadonlySet<string>, announced: readonly Announced[]): void
  /** A log was deleted; its stream continues at this head. */
  ended(stream: string, head: Position): void
  /**
   * The thread ended and is running again: entries that it committed without reporting them must be reported before
   * anything else.
   */
  reopened(): Promise<void>
  warn(message: string): void
  info(message: string): void
}

/** A request without its number. */
export type Call<R extends Request = Request> = R extends Request ? Omit<R, 'ticket'> : never

/**
 * The store's thread, as seen from the server's. Requests and replies go through one port, so they keep their order.
 */
export class StoreThread {
  #thread: Thread | undefined
  readonly #pending = new Map<number, Pending>()
  #pendingBytes = 0
  #outgoing: Request[] = []
  #lastTicket = 0
  /** Whether it is open, and every earlier commit has been reported. */
  #isOpen = false
  #isClosing = false
  #fault: string | undefined
  #restartMs = RESTART_MS
  #cancelRestart = () => {}

  constructor(
    private readonly startThread: StartThread,
    private readonly clock: Clock,
    private readonly events: ThreadEvents,
  ) {}

  get ready(): boolean {
    return this.#isOpen && this.#fault === undefined
  }

  /** Resolves with the secret once the file is open. @throws Error that says in one sentence why it cannot be */
  async open(): Promise<string> {
    const secret = await this.#start()
    this.#isOpen = true
    this.#goOn()
    return secret
  }

  /** Not earlier, because erasures are reported in the order of the log. If the thread ends, the next one is asked again. */
  #goOn(): void {
    this.call({ kind: 'go_on' }).catch(() => {})
  }

  publish(request: Call<PublishRequest>): Promise<PublishOutcome> {
    if (!this.#isOpen) return Promise.reject(unavailable('The file is not open'))
    if (this.#pending.size >= MAX_PENDING || this.#pendingBytes >= MAX_PENDING_BYTES)
      return Promise.reject(unavailable('Too many messages wait for the disk'))
    return this.#ask(request, request.open.length) as Promise<PublishOutcome>
  }

  call(request: Call): Promise<unknown> {
    if (!this.#isOpen) return Promise.reject(unavailable('The file is not open'))
    if (this.#pending.size >= MAX_PENDING)
      return Promise.reject(unavailable('Too many requests wait for the disk'))
    return this.#ask(request, 0)
  }

  /** Only for use while `reopened` runs, before other requests are accepted. */
  recover(request: Call): Promise<unknown> {
    return this.#ask(request, 0)
  }

  /** Earlier publishes are written first. */
  async close(): Promise<void> {
    const thread = this.#thread
    this.#isClosing = true
    this.#cancelRestart()
    // The log says why it could not be closed, if its thread ended meanwhile for example; the thread must end all the same.
    if (this.#isOpen && thread) await this.#ask({ kind: 'close' }, 0).catch(() => {})
    this.#isOpen = false
    await thread?.terminate()
  }

  #start(): Promise<string> {
    return new Promise((resolve, reject) => {
      let thread: Thread | undefined
      const listener: ThreadListener = {
        receive: (reply) => {
          if (reply.kind === 'opened') resolve(reply.secret)
          else if (reply.kind === 'not_opened') reject(new Error(reply.message))
          else this.#receive(reply)
        },
        failed: ({ message }) => this.events.warn(`sqlite: the thread of the store failed: ${message}`),
        ended: () => {
          reject(new Error('sqlite: the thread of the store ended before the file was open'))
          if (this.#thread === thread) this.#ended()
        },
      }
      this.startThread(listener).then((started) => {
        thread = started
        this.#thread = started
      }, reject)
    })
  }

  #ask(call: Call, bytes: number): Promise<unknown> {
    const ticket = ++this.#lastTicket
    const request: Request = { ...call, ticket }
    return new Promise((resolve, reject) => {
      this.#pending.set(ticket, { request, bytes, resolve, reject })
      this.#pendingBytes += bytes
      this.#outgoing.push(request)
      // All requests of one turn go in one message, because each message wakes the thread.
      if (this.#outgoing.length === 1) queueMicrotask(() => this.#post())
    })
  }

  #post(): void {
    const requests = this.#outgoing
    this.#outgoing = []
    this.#thread?.post(requests)
  }

  #receive(reply: Reply): void {
    switch (reply.kind) {
      case 'committed':
        for (const [ticket, outcome] of reply.outcomes) this.#committed(ticket, outcome)
        return
      case 'answered':
        this.#take(reply.ticket)?.resolve(reply.value)
        return
      case 'erased':
        this.events.erased(reply.changed, reply.announced)
        return
      case 'ended':
        this.events.ended(reply.stream, reply.head)
        return
      case 'refused':
        for (const ticket of reply.tickets) this.#refuse(ticket, reply)
        return
      case 'health':
        this.#fault = reply.fault
        if (reply.fault === undefined) this.events.info('sqlite: messages are written again')
        else this.events.warn(reply.fault)
        return
      case 'waiting':
      case 'warned':
        this.events.warn(reply.message)
        return
    }
  }

  #committed(ticket: number, outcome: PublishOutcome): void {
    const pending = this.#take(ticket)
    if (pending?.request.kind !== 'publish') return
    this.events.committed(pending.request, outcome)
    pending.resolve(outcome)
  }

  #refuse(ticket: number, { message, isInDoubt }: Reply & { kind: 'refused' }): void {
    const pending = this.#take(ticket)
    pending?.reject(isInDoubt ? lost(pending.request, message) : unavailable(message))
  }

  #take(ticket: number): Pending | undefined {
    const pending = this.#pending.get(ticket)
    if (!pending) return undefined
    this.#pending.delete(ticket)
    this.#pendingBytes -= pending.bytes
    return pending
  }

  #ended(): void {
    const wasOpen = this.#isOpen
    this.#isOpen = false
    this.#thread = undefined
    this.#outgoing = []
    for (const [ticket, { request }] of this.#pending)
      this.#take(ticket)?.reject(lost(request, 'The thread of the store ended'))
    if (wasOpen && !this.#isClosing) this.#startAgain()
  }

  #startAgain(): void {
    this.#cancelRestart = this.clock.after(this.#restartMs, () => void this.#reopen())
    this.#restartMs = Math.min(2 * this.#restartMs, MAX_RESTART_MS)
  }

  async #reopen(): Promise<void> {
    try {
      await this.#start()
      this.#fault = undefined
      await this.events.reopened()
      this.#isOpen = true
      this.#goOn()
      this.#restartMs = RESTART_MS
      this.events.info('sqlite: the thread of the store is back')
    } catch (error) {
      this.events.warn(error instanceof Error ? error.message : String(error))
      const thread = this.#thread
      this.#thread = undefined
      await thread?.terminate()
      if (!this.#isClosing) this.#startAgain()
    }
  }
}

/** A client's message, or one with a key, is recognised when it is repeated; any other would be in the log twice. */
function lost(request: Request, reason: string): Error {
  const isKnown =
    request.kind !== 'publish' ||
    request.sender ||
    request.idempotency ||
    // It changes nothing twice.
    (request.amends && isReacting(request.amends))
  return isKnown ? unavailable(reason) : outcomeUnknown(reason)
}
