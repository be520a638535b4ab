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
  /**
   * Time between all clients being live again and the next kill, in ms. A client whose connections never last waits
   * longer and longer before it reconnects.
   */
  readonly restMs: number
  /** @default that of the client library */
  readonly patience?: Patience
}

export interface KillsResult extends Verdict {
  /** Time from a kill until a client was live in its room again, for each client and kill, in ms. */
  readonly liveMs: readonly number[]
  /** Time from a kill until the server listened again, in ms. */
  readonly downMs: readonly number[]
  /** How many clients, summed over the kills, could not resume. */
  readonly unrecovered: number
}

/** Messages written while the server is down wait in the outboxes, whose limits are not under test here. */
const OUTBOX = { maxMessages: 100_000, maxBytes: 2 ** 28 }

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** Repeatedly kills the only server with `kill -9` under load, and starts it again on its file. */
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
      if ((await server.faults()) > 0) crowd.oracle.fail('the server had uncaught errors')
      // Once more, so that the comparison reads the file and not the server's memory.
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
