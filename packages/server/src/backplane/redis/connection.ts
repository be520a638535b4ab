import type { RoomfulError } from '@roomful/protocol'
import type { Clock } from '../../api/contracts/clock.js'
import type { Logger } from '../../api/contracts/logger.js'
import { clusterRefused, hadNoEffect, isNoScript, isOfCluster } from './refusals.js'
import { NoAnswer, unavailable } from './unavailable.js'

/** The part of a node-redis client that is used. */
export interface Client {
  readonly isReady: boolean
  connect(): Promise<unknown>
  close(): Promise<unknown>
  destroy(): void
  sendCommand(command: string[]): Promise<unknown>
  on(event: 'ready', listener: () => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
}

export interface ConnectionDeps {
  readonly clock: Clock
  readonly logger: Logger
  /** The time-out of an answer, in ms. */
  readonly timeoutMs: number
  /** The connection is open again, possibly to another Redis. Not called for the first time. */
  reconnected(): void
  /** This Redis has become a replica. The name may refer to another server by now, the primary. */
  demoted(): void
}

/** A connection that has not answered for this many time-outs is replaced. */
const PATIENCE = 3
const CLOSE_MS = 1_000
const LOG_EVERY_MS = 1_000
/** If an address keeps leading to a replica, it is retried at this interval. */
const REPLACE_EVERY_MS = 1_000

/** One connection to Redis. While it is closed or silent, every command is refused at once: nothing queues. */
export class RedisConnection {
  #generation = 0
  #isSilent = false
  #loggedAt = Number.NEGATIVE_INFINITY
  #replacedAt = Number.NEGATIVE_INFINITY

  constructor(
    readonly name: string,
    private readonly client: Client,
    private readonly deps: ConnectionDeps,
  ) {}

  get ready(): boolean {
    return this.client.isReady && !this.#isSilent
  }

  /** Increases with each connection to Redis: answers from one say nothing about the next. */
  get generation(): number {
    return this.#generation
  }

  async open(): Promise<void> {
    this.client.on('error', (error) => this.#log(error, 'the connection failed; trying again'))
    this.client.on('ready', () => {
      this.#isSilent = false
      if (++this.#generation > 1) this.deps.reconnected()
    })
    await this.client.connect()
  }

  send(command: string[], timeoutMs = this.deps.timeoutMs): Promise<unknown> {
    return this.ask(() => this.client.sendCommand(command), timeoutMs)
  }

  /** Waits for an answer for at most the time-out. */
  ask<T>(question: () => Promise<T>, timeoutMs = this.deps.timeoutMs): Promise<T> {
    if (!this.ready) return Promise.reject(unavailable(new Error('Redis cannot be reached')))
    return new Promise((resolve, reject) => {
      const cancel = this.deps.clock.after(timeoutMs, () => {
        reject(unavailable(new NoAnswer('Redis did not answer in time')))
        this.#fellSilent()
      })
      const failed = (error: Error) => {
        cancel()
        reject(this.#explain(error))
      }
      question().then((reply) => {
        cancel()
        resolve(reply)
      }, failed)
    })
  }

  async close(): Promise<void> {
    let cancel = () => {}
    const late = new Promise<void>((resolve) => {
      cancel = this.deps.clock.after(CLOSE_MS, resolve)
    })
    if (this.ready) await Promise.race([this.client.close(), late])
    cancel()
    this.client.destroy()
  }

  /** Sends nothing more until it answers again. If it stays silent, the other end may be gone. */
  #fellSilent(): void {
    if (this.#isSilent || !this.client.isReady) return
    this.#isSilent = true
    const generation = this.#generation
    const cancel = this.deps.clock.after(PATIENCE * this.deps.timeoutMs, () => {
      if (this.#generation === generation) this.replace('no answer')
    })
    const answered = () => {
      cancel()
      if (this.#generation === generation) this.#isSilent = false
    }
    this.client.sendCommand(['PING']).then(answered, answered)
  }

  /** When the other end closes, the client reconnects by itself. This handles only what the client cannot notice. */
  replace(why: string): void {
    const now = this.deps.clock.now()
    if (!this.client.isReady || now - this.#replacedAt < REPLACE_EVERY_MS) return
    this.#replacedAt = now
    this.deps.logger.warn({ connection: this.name, why }, 'redis: reconnecting')
    this.client.destroy()
    this.client.connect().catch((error: Error) => this.#log(error, 'the connection ended'))
  }

  #explain(error: Error): RoomfulError | Error {
    if (isNoScript(error)) return error
    if (error.message.startsWith('READONLY')) this.deps.demoted()
    if (isOfCluster(error)) this.#log(clusterRefused(error), 'a command failed')
    else if (this.client.isReady) this.#log(error, 'a command failed')
    return unavailable(hadNoEffect(error) ? error : new NoAnswer(error.message, { cause: error }))
  }

  #log(error: Error, what: string): void {
    const now = this.deps.clock.now()
    if (now - this.#loggedAt < LOG_EVERY_MS) return
    this.#loggedAt = now
    this.deps.logger.warn({ connection: this.name, err: error }, `redis: ${what}`)
  }
}
