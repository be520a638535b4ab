import type { Verdict } from './crowd.js'
import { Stage } from './stage.js'

export interface RollingRestartOptions {
  readonly clients: number
  readonly rooms: number
  readonly messagesPerSecond: number
  /** As SIGTERM of the `roomful` command has them, or shorter. */
  readonly lagMs: number
  readonly drainMs: number
}

const NODES = 3

/** Replaces each of three nodes under load, as an update does. */
export function restartInTurn(options: RollingRestartOptions): Promise<Verdict> {
  return Stage.play(async (stage) => {
    const { lagMs, drainMs } = options
    const redis = await stage.redis()
    const cluster = await stage.cluster(NODES, redis, { leave: { lagMs, drainMs } })
    const crowd = stage.crowd({ ...options, port: cluster.balancer.port })
    await crowd.join()
    await crowd.talkDuring(options.messagesPerSecond, async () => {
      for (let index = 0; index < NODES; index++) {
        await cluster.node(index).leave()
        await cluster.restart(index)
      }
    })
    return crowd.verdict(cluster, redis)
  })
}
