import type { Logger } from '../../api/contracts/logger.js'
import type { RedisConnection } from './connection.js'
import type { Keys } from './keys.js'
import { clusterRefused } from './refusals.js'

const OLDEST_VERSION = 7

/**
 * Logs a warning for settings of this Redis that would break a promise. Repeated for each Redis that the node
 * connects to.
 * @throws TypeError if it is a Redis Cluster
 */
export async function inspectServer(connection: RedisConnection, logger: Logger): Promise<void> {
  const info = await Promise.all(
    ['server', 'memory', 'cluster'].map((section) => connection.send(['INFO', section])),
  ).catch(() => [])
  const facts = info.join('\n')
  const version = /^redis_version:(\d+)/m.exec(facts)?.[1]
  const policy = /^maxmemory_policy:(\S+)/m.exec(facts)?.[1]
  if (/^cluster_enabled:1/m.test(facts)) throw clusterRefused()
  if (version !== undefined && Number(version) < OLDEST_VERSION)
    logger.error({ version }, 'redis: Roomful needs Redis 7 or later, for sharded publish and subscribe')
  if (policy !== undefined && policy !== 'noeviction')
    logger.warn(
      { policy },
      'redis: maxmemory-policy evicts: when memory is full, logs are lost and members find out. Set it to noeviction',
    )
}

/**
 * Warns about a feed that this node does not write. What this node accepts enters the feed only with the room's next
 * message through a node that writes it, if the log still holds it then.
 */
export async function warnOfForeignFeed(
  connection: RedisConnection,
  keys: Keys,
  logger: Logger,
): Promise<void> {
  const key = keys.changes
  if ((await connection.send(['EXISTS', key])) !== 1) return
  logger.warn(
    { key },
    'redis: a feed of changes is kept here, and not by this server: what it accepts comes late there, or never. Give each server the option changes, or delete the key',
  )
}
