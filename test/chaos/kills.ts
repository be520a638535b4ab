import type { ConnectionStatus } from '@roomful/client'
import type { Crowd, Verdict } from './crowd.js'
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

/** Times how long clients who lost their node take to be live again. */
class Moves {
  killedAt: number | undefined
  readonly times: number[] = []

  constructor({ chatters }: Crowd) {
    for (const { client, roomId } of chatters) {
      let isAway = false
      client.on('status', ({ from, to }) => {
        // Before the first kill, clients that all join at once may be torn for other reasons.
        if (isUp(from) && !isUp(to) && this.killedAt !== undefined) isAway = true
      })
      client.room(roomId).status.subscribe(({ state }) => {
        if (state !== 'live' || !isAway || this.killedAt === undefined) return
        isAway = false
        this.times.push(performance.now() - this.killedAt)
      })
    }
  }
}

function isUp({ state }: ConnectionStatus): boolean {
  return state === 'online' || state === 'degraded'
}
