import type { Verdict } from './crowd.js'
import { Stage } from './stage.js'

export interface RedisRestartOptions {
  readonly times: number
  readonly awayMs: number
  readonly clients: number
  readonly rooms: number
  readonly messagesPerSecond: number
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** Kills Redis under load and starts it again, on the append-only file that it wrote at each append. */
export function restartRedis(options: RedisRestartOptions): Promise<Verdict> {
  return Stage.play(async (stage) => {
    const redis = await stage.redis({ durable: true })
    const cluster = await stage.cluster(2, redis)
    const crowd = stage.crowd({ ...options, port: cluster.balancer.port })
    await crowd.join()
    await crowd.talkDuring(options.messagesPerSecond, async () => {
      for (let time = 0; time < options.times; time++) {
        await pause(1_000)
        await redis.kill()
        await pause(options.awayMs)
        await redis.start()
      }
      await pause(1_000)
    })
    return crowd.verdict(cluster, redis)
  })
}
