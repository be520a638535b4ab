import type { Append, AppendReply } from './append.js'
import type { RedisStore } from './store.js'
import { NoAnswer, unavailable } from './unavailable.js'

interface Waiting {
  readonly append: Append
  resolve(reply: AppendReply): void
  reject(error: unknown): void
}

/** Messages in one pipeline. It ends with one WAIT, which costs the same for one message as for all of them. */
const GROUP = 500
/** Messages that may wait for the previous pipeline; further senders must try again later. */
const MAX_WAITING = 10_000

/**
 * Appends messages and waits until replicas have them. Messages that arrive while a pipeline is running share the
 * next one.
 */
export class GroupCommit {
  #waiting: Waiting[] = []
  #isUnderWay = false

  constructor(
    private readonly store: RedisStore,
    private readonly replicas: number,
    private readonly timeoutMs: number,
  ) {}

  append(append: Append): Promise<AppendReply> {
    if (!this.store.ready) return Promise.reject(unavailable(new Error('Redis cannot be reached')))
    if (this.#waiting.length >= MAX_WAITING)
      return Promise.reject(unavailable(new Error('Too many messages wait for replicas')))
    return new Promise((resolve, reject) => {
      this.#waiting.push({ append, resolve, reject })
      if (!this.#isUnderWay) void this.#run()
    })
  }

  async #run(): Promise<void> {
    this.#isUnderWay = true
    while (this.#waiting.length > 0) await this.#commit(this.#waiting.splice(0, GROUP))
    this.#isUnderWay = false
  }

  async #commit(group: readonly Waiting[]): Promise<void> {
    try {
      const appends = group.map(({ append }) => append)
      const { replies, confirmedBy } = await this.store.appendReplicated(
        appends,
        this.replicas,
        this.timeoutMs,
      )
      const missing = this.#missing(confirmedBy)
      for (const [index, { resolve, reject }] of group.entries()) {
        const reply = replies[index]
        if (reply?.status === 'rejected') reject(reply.reason)
        else if (reply && (!missing || reply.value.status !== 'accepted')) resolve(reply.value)
        else reject(unavailable(new NoAnswer('Replicas did not confirm the message', { cause: missing })))
      }
    } catch (error) {
      for (const { reject } of group) reject(error)
    }
  }

  /** Why messages that Redis has accepted cannot be acknowledged yet. */
  #missing(confirmedBy: PromiseSettledResult<number>): unknown {
    if (confirmedBy.status === 'rejected') return confirmedBy.reason
    if (confirmedBy.value >= this.replicas) return undefined
    return new Error(`${confirmedBy.value} of ${this.replicas} replicas confirmed in time`)
  }
}
