import type { Backplane } from './api/contracts/backplane.js'
import { NodeRedisStore } from './backplane/redis/node-redis-store.js'
import { type RedisOptions, resolveSettings } from './backplane/redis/options.js'
import { RedisBackplane } from './backplane/redis/redis-backplane.js'

export type { RedisOptions }

/**
 * Joins nodes through a Redis of version 7 or later, and keeps their logs there. Requires the package `redis`.
 * @throws TypeError for an option that cannot work; it says how to fix it
 *
 * @example
 * createServer({ backplane: redis({ url: process.env.REDIS_URL }) })
 */
export function redis(options: RedisOptions = {}): Backplane {
  const settings = resolveSettings(options)
  return new RedisBackplane(new NodeRedisStore(options, settings), settings)
}
