import type { Client } from '../../../packages/server/src/backplane/redis/connection.js'
import { Pipe } from '../../../packages/server/src/testing/pipe.js'
import type { Random } from '../random.js'
import type { Message, ModelRedis, Operation, Peer } from './model-redis.js'
import type { Road } from './road.js'

/** One TCP connection; what is asked and answered comes late and in order. */
interface Wire extends Peer {
  readonly toRedis: Pipe<() => void>
  readonly toNode: Pipe<() => void>
  readonly unanswered: Set<(error: Error) => void>
  /** Operations in the history of Redis after the last one of this connection; 0 for a fresh one. */
  written: number
}

const RECONNECT_MS = { first: 50, most: 2_000 }

/** What a node-redis client is: it connects again by itself, and is ready once its channels are subscribed again. */
export class ModelClient implements Client {
  isReady = false
  /** Publications that get lost on the way to this client. */
  deafFor = 0
  readonly #channels = new Map<string, (message: Message) => void>()
  #ready = () => {}
  #waiting: (() => void)[] = []
  #wire: Wire | undefined
  #isWanted = false
  #attempts = 0

  constructor(
    private readonly redis: ModelRedis,
    private readonly road: Road,
    private readonly random: Random,
  ) {
    road.travellers.add(this)
  }

  on(event: 'ready' | 'error', listener: (() => void) | ((error: Error) => void)): void {
    if (event === 'ready') this.#ready = listener as () => void
  }

  connect(): Promise<void> {
    this.#isWanted = true
    this.#attempts = 0
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      this.#dial()
    })
  }

  async close(): Promise<void> {
    this.destroy()
  }

  destroy(): void {
    this.#isWanted = false
    this.cut()
  }

  /** Nothing more is known of what was under way: Redis may have got it. */
  cut(): void {
    const wire = this.#wire
    if (!wire) return
    this.#wire = undefined
    this.isReady = false
    this.redis.disconnect(wire)
    wire.toNode.swallow()
    if (this.road.isBlocked || this.random.next() < 0.5) wire.toRedis.swallow()
    for (const fail of wire.unanswered) fail(new Error('Socket closed unexpectedly'))
    if (this.#isWanted) this.#dial()
  }

  sendCommand(): Promise<unknown> {
    return this.#ask(() => 'PONG')
  }

  run<T>(operation: Operation<T>): Promise<T> {
    return this.#ask((wire) => {
      const result = this.redis.execute(operation)
      wire.written = this.redis.written
      return result
    })
  }

  wait(replicas: number, timeoutMs: number): Promise<number> {
    return this.#ask(({ written }) => this.redis.wait(written, replicas, timeoutMs))
  }

  publish(channel: string, message: Message): Promise<void> {
    return this.#ask(() => this.redis.publish(channel, message))
  }

  async subscribe(channel: string, listener: (message: Message) => void): Promise<void> {
    await this.#ask((wire) => {
      this.redis.subscribe(wire, channel)
      // Before anything that is published from now on, which comes behind the answer.
      wire.toNode.push(() => this.#channels.set(channel, listener), 0)
    })
  }

  async unsubscribe(channel: string): Promise<void> {
    this.#channels.delete(channel)
    await this.#ask((wire) => this.redis.unsubscribe(wire, channel))
  }

  /** While the road is blocked, what is under way waits, as in the buffers of the two machines. */
  hold(direction: 'to_redis' | 'to_node', isHeld: boolean): void {
    if (direction === 'to_redis') this.#wire?.toRedis.hold(isHeld)
    else this.#wire?.toNode.hold(isHeld)
  }

  #ask<T>(question: (wire: Wire) => T | Promise<T>): Promise<T> {
    const wire = this.#wire
    if (!wire) return Promise.reject(new Error('The client is closed'))
    return new Promise((resolve, reject) => {
      wire.unanswered.add(reject)
      const answer = (result: T) =>
        this.#push(wire.toNode, () => {
          wire.unanswered.delete(reject)
          resolve(result)
        })
      this.#push(wire.toRedis, () => {
        const result = question(wire)
        if (result instanceof Promise) void result.then(answer)
        else answer(result)
      })
    })
  }

  #push(pipe: Pipe<() => void>, frame: () => void): void {
    pipe.delayMs = this.road.delay(this.random)
    pipe.push(frame, 0)
  }

  #dial(): void {
    const { clock } = this.road
    const backoff = Math.min(RECONNECT_MS.most, RECONNECT_MS.first * 2 ** this.#attempts++)
    clock.after(Math.round(backoff * (0.5 + this.random.next() / 2)), () => {
      if (!this.#isWanted || this.#wire) return
      if (!this.redis.isUp || this.road.isBlocked) return this.#dial()
      this.#greet(this.#open())
    })
  }

  #open(): Wire {
    const { clock } = this.road
    const run = (frame: () => void) => frame()
    const wire: Wire = {
      toRedis: new Pipe(clock, run),
      toNode: new Pipe(clock, run),
      unanswered: new Set(),
      written: 0,
      push: (channel, message) => {
        if (this.deafFor > 0) this.deafFor--
        else this.#push(wire.toNode, () => this.#channels.get(channel)?.(message))
      },
      hangUp: () => this.cut(),
    }
    this.#wire = wire
    this.redis.connect(wire)
    return wire
  }

  #greet(wire: Wire): void {
    const names = [...this.#channels.keys()]
    const greeting = this.#ask(() => {
      for (const name of names) this.redis.subscribe(wire, name)
    })
    greeting.then(
      () => {
        if (this.#wire !== wire) return
        this.#attempts = 0
        this.isReady = true
        this.#ready()
        for (const resolve of this.#waiting.splice(0)) resolve()
      },
      // Cut again, and on its way to the next.
      () => {},
    )
  }
}
