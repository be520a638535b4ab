import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Crowd, type Verdict } from '../chaos/crowd.js'
import { Moves } from '../chaos/moves.js'
import type { Patience } from '../faults/chatter.js'
import { StoreServer } from '../support/store-server.js'
import { readLogs } from './logs.js'

export interface KillsOptions {
  readonly kills: number
  readonly clients: number
  readonly rooms: number
  readonly messagesPerSecond: number
  /** Between all being live again and the next kill: a client whose connections never last backs off further. */
  readonly restMs: number
  /** @default that of the client library */
  readonly patience?: Patience
}

export interface KillsResult extends Verdict {
  /** From a kill until a client was live in its room again, for each client and kill, in ms. */
  readonly liveMs: readonly number[]
  /** From a kill until the server listened again, in ms. */
  readonly downMs: readonly number[]
  /** Clients, summed over the kills, who could not go on from where they were. */
  readonly unrecovered: number
}

/** What people write while the server is down waits in their clients: that it may be too much is not what is tested. */
const OUTBOX = { maxMessages: 100_000, maxBytes: 2 ** 28 }

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** Kills the only server by `kill -9` under load, and starts it again on its file, again and again. */
export async function killServer(options: KillsOptions): Promise<KillsResult> {
  const folder = mkdtempSync(join(tmpdir(), 'roomful-kills-'))
  const file = join(folder, 'chat.db')
  const server = await StoreServer.start({ store: 'sqlite', options: { file } })
  const crowd = new Crowd({
    ...options,
    port: server.port,
    patience: { ...options.patience, outbox: OUTBOX },
  })
  const moves = new Moves(crowd)
  const downMs: number[] = []
  const killAndRestart = async () => {
    const killedAt = performance.now()
    moves.killedAt = killedAt
    await server.kill()
    await server.restart()
    downMs.push(performance.now() - killedAt)
  }
  try {
    await crowd.join()
    await crowd.talkDuring(options.messagesPerSecond, async () => {
      for (let kill = 0; kill < options.kills; kill++) {
        await pause(options.restMs)
        await killAndRestart()
        await crowd.live()
      }
    })
    const verdict = await crowd.judge(async () => {
      if ((await server.faults()) > 0) crowd.oracle.fail('errors of the server were caught by nobody')
      // Once more, so that what is compared is what the file has.
      await killAndRestart()
      return readLogs(server.port, crowd.rooms)
    })
    return { ...verdict, liveMs: moves.times, downMs, unrecovered: moves.unrecovered }
  } finally {
    crowd.close()
    await server.kill()
    rmSync(folder, { recursive: true })
  }
}
