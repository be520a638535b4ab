import type { Clock } from '@roomful/server'
import type { RedisSettings } from '../../../packages/server/src/backplane/redis/options.js'
import type { NodeRelay, StreamMessage } from '../../../packages/server/src/backplane/redis/store.js'
import type { Random } from '../random.js'
import { RedisData, type Turn } from './redis-data.js'

/** What a connection asks of Redis: one script or command. */
export type Operation<T> = (data: RedisData, turn: Turn) => T

export type Message = StreamMessage | NodeRelay

/** One connection, as Redis has it. */
export interface Peer {
  push(channel: string, message: Message): void
  /** Redis is gone, or has let this connection go. */
  hangUp(): void
}

type LoggedEntry = Extract<StreamMessage, { kind: 'entry' }>

export interface Witness {
  logged(stream: string, entry: LoggedEntry): void
  /** An entry is gone that may have been acknowledged. */
  lost(stream: string, entry: LoggedEntry): void
  /** From now on, the stream has a new log. */
  forgotten(stream: string): void
}

interface Done {
  readonly at: number
  readonly operation: Operation<unknown>
  readonly turn: Turn
  readonly logged?: { readonly stream: string; readonly message: LoggedEntry }
}

interface Replica {
  readonly lagMs: number
  /** It copies everything first. */
  readonly syncedAt: number
  stalledSince: number | undefined
}

/** The channel of relays to all nodes; no stream has this name. */
export const RELAYS = ''
const REPLICAS = 2
const START = 1_767_225_600_000
const WAIT_STEP_MS = 10

/**
 * Redis as its clients see it: a primary behind one address, and replicas that are given what it did a little later.
 * A replica that is promoted has done the first so many operations and no others.
 */
export class ModelRedis {
  #data: RedisData
  #history: Done[] = []
  #replicas: Replica[] = []
  readonly #peers = new Map<Peer, Set<string>>()
  #isUp = true
  #skewMs = 0

  constructor(
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly settings: RedisSettings,
    private readonly witness: Witness,
  ) {
    this.#data = new RedisData(settings)
    this.#replicas = this.#newReplicas(0)
  }

  get isUp(): boolean {
    return this.#isUp
  }

  /** How many operations were written. A connection's WAIT concerns its last one. */
  get written(): number {
    return this.#history.length
  }

  connect(peer: Peer): void {
    this.#peers.set(peer, new Set())
  }

  disconnect(peer: Peer): void {
    this.#peers.delete(peer)
  }

  subscribe(peer: Peer, channel: string): void {
    this.#peers.get(peer)?.add(channel)
  }

  unsubscribe(peer: Peer, channel: string): void {
    this.#peers.get(peer)?.delete(channel)
  }

  execute<T>(operation: Operation<T>): T {
    let logged: Done['logged']
    const publish = (stream: string, message: StreamMessage) => {
      if (message.kind === 'entry') {
        logged = { stream, message }
        this.witness.logged(stream, message)
      }
      this.publish(stream, message)
    }
    const { now } = this
    const result = operation(this.#data, { now, publish })
    // A replica is given what it does, and publishes to nobody.
    const at = this.clock.now()
    this.#history.push({ at, operation, turn: { now, publish() {} }, ...(logged && { logged }) })
    return result
  }

  publish(channel: string, message: Message): void {
    for (const [peer, channels] of this.#peers) if (channels.has(channel)) peer.push(channel, message)
  }

  /** How many replicas have the first `count` operations, once that is `wanted`, or after the time. */
  async wait(count: number, wanted: number, timeoutMs: number): Promise<number> {
    const until = this.clock.now() + timeoutMs
    for (;;) {
      const confirmed = this.#replicas.filter((replica) => this.#reach(replica) >= count).length
      if (confirmed >= wanted || this.clock.now() >= until || !this.#isUp) return confirmed
      await new Promise<void>((resolve) => this.clock.after(WAIT_STEP_MS, resolve))
    }
  }

  /** The replicas are given nothing for a while. */
  stallReplicas(ms: number): void {
    const stalled = this.#replicas
    for (const replica of stalled) replica.stalledSince ??= this.clock.now()
    this.clock.after(ms, () => {
      for (const replica of stalled) replica.stalledSince = undefined
    })
  }

  /** The process dies, and restarts with all its data. */
  restart(downMs: number): void {
    this.#goDown(downMs, () => {})
  }

  /** The process dies, and what it had is on no disk. */
  forget(downMs: number): void {
    this.#goDown(downMs, () => {
      const before = this.#data.epochs(this.now)
      this.#become([])
      for (const stream of before.keys()) this.witness.forgotten(stream)
    })
  }

  /** The primary dies, and the replica that has got furthest takes its place: it never gets what it has not. Without one, it is started again. */
  failOver(downMs: number): void {
    const synced = this.#replicas.filter(({ syncedAt }) => syncedAt <= this.clock.now())
    const kept = synced.length === 0 ? this.written : 0
    const furthest = Math.max(kept, ...synced.map((replica) => this.#reach(replica)))
    this.#goDown(downMs, () => {
      const before = this.#data.epochs(this.now)
      const lost = this.#history.slice(furthest)
      this.#become(this.#history.slice(0, furthest))
      this.#skewMs += this.random.between(-500, 500)
      for (const { logged } of lost.reverse()) if (logged) this.witness.lost(logged.stream, logged.message)
      const after = this.#data.epochs(this.now)
      for (const [stream, epoch] of before) if (after.get(stream) !== epoch) this.witness.forgotten(stream)
    })
  }

  /** By the clock of the machine that is the primary now. */
  get now(): number {
    return START + Math.floor(this.clock.now()) + this.#skewMs
  }

  #become(history: Done[]): void {
    this.#data = new RedisData(this.settings)
    this.#history = history
    for (const { operation, turn } of history) operation(this.#data, turn)
    this.#replicas = this.#newReplicas(this.random.between(200, 3_000))
  }

  #goDown(ms: number, change: () => void): void {
    if (!this.#isUp) return
    this.#isUp = false
    for (const peer of [...this.#peers.keys()]) peer.hangUp()
    this.#peers.clear()
    change()
    this.clock.after(ms, () => {
      this.#isUp = true
    })
  }

  #newReplicas(syncMs: number): Replica[] {
    return Array.from({ length: REPLICAS }, () => ({
      lagMs: this.random.between(0, 4),
      syncedAt: this.clock.now() + syncMs,
      stalledSince: undefined,
    }))
  }

  /** How many operations a replica has done. */
  #reach({ lagMs, syncedAt, stalledSince }: Replica): number {
    const now = this.clock.now()
    if (now < syncedAt) return 0
    const until = Math.min(now, stalledSince ?? now) - lagMs
    return this.#history.findLastIndex(({ at }) => at <= until) + 1
  }
}
