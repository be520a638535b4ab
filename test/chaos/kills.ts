import type { Verdict } from './crowd.js'
import { Moves } from './moves.js'
import { Stage } from './stage.js'

export interface KillsOptions {
  readonly kills: number
  readonly clients: number
  readonly rooms: number
  readonly messagesPerSecond: number
  /** Between all being live again and the next kill: a client whose connections never last backs off further. */
  readonly restMs: number
}

export interface KillsResult extends Verdict {
  readonly kills: number
  /** From a kill until a client was live in its room again, for each that lost its node, in ms. */
  readonly resumeMs: readonly number[]
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** Kills one of two nodes by `kill -9` under load, again and again, in turn. */
export function killNodes(options: KillsOptions): Promise<KillsResult> {
  return Stage.play(async (stage) => {
    const redis = await stage.redis()
    const cluster = await stage.cluster(2, redis)
    const crowd = stage.crowd({ ...options, port: cluster.balancer.port })
    const moves = new Moves(crowd)
    await crowd.join()
    await crowd.talkDuring(options.messagesPerSecond, async () => {
      for (let kill = 0; kill < options.kills; kill++) {
        await pause(options.restMs)
        moves.killedAt = performance.now()
        await cluster.node(kill % 2).kill()
        await cluster.restart(kill % 2)
        await crowd.live()
      }
    })
    return { ...(await crowd.verdict(cluster, redis)), kills: options.kills, resumeMs: moves.times }
  })
}
