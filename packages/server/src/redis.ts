import type { Backplane } from './backplane.js'
import { NodeRedisStore } from './backplanes/redis/node-redis-store.js'
import { type RedisOptions, resolveSettings } from './backplanes/redis/options.js'
import { RedisBackplane } from './backplanes/redis/redis-backplane.js'

export type { RedisOptions }

/**
 * Joins nodes by a Redis, of version 7 or later, and keeps their logs there. Needs the package `redis`.
 * @throws TypeError for an option that cannot work, with what to do about it
 *
 * @example
 * createServer({ backplane: redis({ url: process.env.REDIS_URL }) })
 */
export function redis(options: RedisOptions = {}): Backplane {
  const settings = resolveSettings(options)
  return new RedisBackplane(new NodeRedisStore(options, settings), settings)
}
