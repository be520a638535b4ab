import type { RedisOptions } from '@roomful/server/redis'
import { RedisServer, type RedisOptions as RedisServerOptions } from '../support/redis.js'
import { Cluster } from './cluster.js'
import { Crowd, type CrowdOptions } from './crowd.js'
import type { NodeOptions } from './node-process.js'
import { RedisGate } from './redis-gate.js'

/** A log that keeps everything: no break has retention for its reason. */
const EVERYTHING: RedisOptions = { historyCount: 1_000_000, historyBytes: 2 ** 30, dedupeMs: 3_600_000 }

/** What a scenario has started; all of it ends with the scenario, however that ends. */
export class Stage {
  readonly #ends: (() => void | Promise<void>)[] = []

  static async play<T>(scenario: (stage: Stage) => Promise<T>): Promise<T> {
    const stage = new Stage()
    try {
      return await scenario(stage)
    } finally {
      for (const end of stage.#ends.reverse()) await end()
    }
  }

  async redis(options?: RedisServerOptions): Promise<RedisServer> {
    return this.keep(await RedisServer.start(options), (redis) => redis.remove())
  }

  async gate(redis: RedisServer): Promise<RedisGate> {
    return this.keep(await RedisGate.to(redis.port), ({ proxy }) => proxy.close())
  }

  async cluster(
    nodes: number,
    { url }: { readonly url: string },
    { redis, ...options }: Partial<NodeOptions> = {},
  ): Promise<Cluster> {
    const cluster = await Cluster.start(nodes, { redis: { url, ...EVERYTHING, ...redis }, ...options })
    return this.keep(cluster, () => cluster.stop())
  }

  crowd(options: CrowdOptions): Crowd {
    return this.keep(new Crowd(options), (crowd) => crowd.close())
  }

  keep<T>(started: T, end: (started: T) => void | Promise<void>): T {
    this.#ends.push(() => end(started))
    return started
  }
}
