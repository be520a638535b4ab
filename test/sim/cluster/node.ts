import type { ServerOptions } from '@roomful/server'
import { createTestServer, newNetwork, type TestServer, type VirtualClock } from '@roomful/server/testing'
import type { RedisSettings } from '../../../packages/server/src/backplane/redis/options.js'
import { RedisBackplane } from '../../../packages/server/src/backplane/redis/redis-backplane.js'
import type { SimProtocol } from '../protocol.js'
import type { Random } from '../random.js'
import type { Balancer } from './balancer.js'
import type { ModelRedis } from './model-redis.js'
import { ModelStore } from './model-store.js'
import { Road } from './road.js'

export interface NodeDeps {
  readonly clock: VirtualClock
  readonly redis: ModelRedis
  readonly settings: RedisSettings
  readonly balancer: Balancer
  options(): ServerOptions<SimProtocol>
  newId(): string
}

const SUPERVISOR_MS = 1_000
const DRAIN_MS = 2_000

interface Process {
  readonly store: ModelStore
  readonly road: Road
  readonly network: ReturnType<typeof newNetwork>
  readonly backplane: RedisBackplane
  server: TestServer<SimProtocol> | undefined
}

/** A machine on which a server runs, dies and is started again. */
export class SimNode {
  #process: Process | undefined

  constructor(
    readonly name: string,
    private readonly random: Random,
    private readonly deps: NodeDeps,
  ) {}

  /** While it has started and is not going. */
  get server(): TestServer<SimProtocol> | undefined {
    return this.#process?.server
  }

  get road(): Road | undefined {
    return this.#process?.road
  }

  get store(): ModelStore | undefined {
    return this.#process?.store
  }

  get backplane(): RedisBackplane | undefined {
    return this.#process?.backplane
  }

  start(): void {
    const { clock, redis, settings, options, newId } = this.deps
    const road = new Road(clock)
    const store = new ModelStore(redis, road, this.random.fork(), settings)
    const backplane = new RedisBackplane(store, settings)
    const started: Process = { store, road, network: newNetwork(clock), backplane, server: undefined }
    this.#process = started
    const { network } = started
    createTestServer({ ...options(), backplane }, { network, newId }).then(
      (server) => {
        started.server = server
        if (this.#process === started) this.deps.balancer.add(network)
      },
      () => {
        store.die()
        if (this.#process === started) clock.after(SUPERVISOR_MS, () => this.start())
      },
    )
  }

  /** As by kill -9: nothing is released, nobody is told. */
  crash(downMs: number): void {
    const dying = this.#leave(downMs)
    dying?.store.die()
    dying?.server?.crash()
  }

  async drain(downMs: number): Promise<void> {
    const { clock, balancer } = this.deps
    const leaving = this.#process
    if (!leaving?.server) return
    this.#process = undefined
    await leaving.server.server.close({ drainMs: DRAIN_MS })
    balancer.remove(leaving.network)
    leaving.store.die()
    clock.after(downMs, () => this.start())
  }

  #leave(downMs: number): Process | undefined {
    const { clock, balancer } = this.deps
    const leaving = this.#process
    if (!leaving?.server) return undefined
    this.#process = undefined
    balancer.remove(leaving.network)
    clock.after(downMs, () => this.start())
    return leaving
  }
}
