import cluster from 'node:cluster'
import type { Backplane } from '../../api/contracts/backplane.js'
import type { Logger } from '../../api/contracts/logger.js'

/**
 * Warns about workers of one service that share no backplane. They look like one server, but each has rooms of its
 * own, even if the names are the same.
 */
export function warnOfLonelyWorker(
  { durability }: Pick<Backplane, 'durability'>,
  logger: Logger,
  isWorker: boolean = cluster.isWorker,
): void {
  if (!isWorker || durability !== 'memory') return
  logger.warn(
    {},
    'this process is a worker of node:cluster (or of pm2 in cluster mode), and its rooms are in its own memory: ' +
      'people in the same room on another worker do not see each other. Give all workers one backplane, ' +
      'createServer({ backplane: redis({ url }) }) from @roomful/server/redis',
  )
}
