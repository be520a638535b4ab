import type { Append, AppendReply, RedisStore } from './store.js'
import { NoAnswer, unavailable } from './unavailable.js'

interface Waiting {
  readonly append: Append
  resolve(reply: AppendReply): void
  reject(error: unknown): void
}

/** Messages in one pipeline: it ends with one WAIT, which is as dear for one of them as for all. */
const GROUP = 500
/** Messages that wait for the pipeline before theirs; a sender beyond it is told to come back. */
const MAX_WAITING = 10_000

/** Appends with the promise that replicas have it. What comes while one pipeline is under way shares the next. */
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

  /** Why what Redis has accepted cannot be acknowledged yet. */
  #missing(confirmedBy: PromiseSettledResult<number>): unknown {
    if (confirmedBy.status === 'rejected') return confirmedBy.reason
    if (confirmedBy.value >= this.replicas) return undefined
    return new Error(`${confirmedBy.value} of ${this.replicas} replicas confirmed in time`)
  }
}
