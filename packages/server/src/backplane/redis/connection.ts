import type { RoomfulError } from '@roomful/protocol'
import type { Clock } from '../../api/clock.js'
import type { Logger } from '../../api/logger.js'
import { clusterRefused, hadNoEffect, isNoScript, isOfCluster } from './refusals.js'
import { NoAnswer, unavailable } from './unavailable.js'

/** What is used of a node-redis client. */
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
  /** How long an answer may take, in ms. */
  readonly timeoutMs: number
  /** The connection stands again, maybe to another Redis. Not called for the first time. */
  reconnected(): void
  /** This Redis has become a replica: the name may stand for another by now, which is the primary. */
  demoted(): void
}

/** A connection that has not answered for this many times-out is given up for another. */
const PATIENCE = 3
const CLOSE_MS = 1_000
const LOG_EVERY_MS = 1_000
/** An address that stays a replica's is tried at this pace. */
const REPLACE_EVERY_MS = 1_000

/** One connection to Redis. While it does not stand, or does not answer, everything is refused at once: nothing queues. */
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

  /** Rises with each connection to Redis: what one told is nothing about the next. */
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

  /** Waits for an answer as long as one may take. */
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

  /** Until it answers again, nothing more is sent. A connection that stays silent may be one of which only this end is left. */
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

  /** The client connects again by itself when the other end closes; only what it cannot see is done here. */
  replace(why: string): void {
    const now = this.deps.clock.now()
    if (!this.client.isReady || now - this.#replacedAt < REPLACE_EVERY_MS) return
    this.#replacedAt = now
    this.deps.logger.warn({ connection: this.name, why }, 'redis: connecting anew')
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
