import { RedisServer } from '../test/support/redis.js'
import { CLUSTER_LOADS, CLUSTERS, type ClusterLoad, type ClusterPeer } from './loads.js'
import { applyLoad, type Sample, type Timing } from './measure.js'
import { type Server, startPeer } from './processes.js'

const NODES = 2

/** One run against two fresh nodes on a fresh Redis. The nodes share the servers' core; Redis shares that of the load. */
export async function measureCluster(
  program: string,
  peer: ClusterPeer,
  load: ClusterLoad,
  timing: Timing,
): Promise<Sample> {
  const redis = await RedisServer.start()
  const nodes: Server[] = []
  try {
    while (nodes.length < NODES) nodes.push(await startPeer(peer, { REDIS_URL: redis.url }))
    const server: Server = {
      ports: nodes.flatMap(({ ports }) => ports),
      pids: nodes.flatMap(({ pids }) => pids),
      stop: async () => {},
    }
    return await applyLoad(program, server, CLUSTERS[peer].protocol, CLUSTER_LOADS[load].load, timing)
  } finally {
    for (const node of nodes) await node.stop()
    await redis.remove()
  }
}
