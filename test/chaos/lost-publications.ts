import type { Verdict } from './crowd.js'
import { Stage } from './stage.js'

export interface LostPublicationsOptions {
  /** Shares of Redis's publications that vanish, from 0 to 1, each for some time. */
  readonly losses: readonly number[]
  /** How long each share lasts, in ms. */
  readonly durationMs: number
  /** How often everything vanishes, and the last messages of all rooms with it. */
  readonly tails: number
  readonly clients: number
  readonly rooms: number
  readonly messagesPerSecond: number
}

export interface LostPublicationsResult extends Verdict {
  readonly publications: number
  readonly dropped: number
  /** Longest time until everybody had the last message of a room, none of whose publications had arrived, in ms. */
  readonly tailMs: number
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** Drops what Redis tells subscribers. What was lost is found by the entries after it or, if there are none, by looking. */
export function losePublications(options: LostPublicationsOptions): Promise<LostPublicationsResult> {
  return Stage.play(async (stage) => {
    const redis = await stage.redis()
    const gate = await stage.gate(redis)
    const cluster = await stage.cluster(2, gate)
    const crowd = stage.crowd({ ...options, port: cluster.balancer.port })
    await crowd.join()
    await crowd.talkDuring(options.messagesPerSecond, async () => {
      for (const loss of options.losses) {
        gate.loss = loss
        await pause(options.durationMs)
      }
    })
    gate.loss = 1
    let tailMs = 0
    for (let tail = 0; tail < options.tails; tail++) {
      await crowd.outcomes()
      const startedAt = performance.now()
      await crowd.lastWords()
      tailMs = Math.max(tailMs, performance.now() - startedAt)
    }
    const verdict = await crowd.verdict(cluster, redis)
    return { ...verdict, publications: gate.passed + gate.dropped, dropped: gate.dropped, tailMs }
  })
}
