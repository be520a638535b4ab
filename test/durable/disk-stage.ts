import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { StoreServer } from '../support/store-server.js'
import { WireClient } from '../support/wire-client.js'
import { DiskShim } from './disk-shim.js'

export interface DiskStageOptions {
  readonly sync?: 'full' | 'normal'
  readonly env?: Readonly<Record<string, string>>
}

/** The built server on SQLite, with a shim between it and its disk. It ends with the test. */
export class DiskStage {
  #marks = 0

  private constructor(
    readonly shim: DiskShim,
    readonly server: StoreServer,
  ) {}

  static async open({ sync = 'full', env = {} }: DiskStageOptions = {}): Promise<DiskStage> {
    const folder = temporaryFolder()
    const shim = new DiskShim()
    onTestFinished(() => shim.remove())
    const options = { file: join(folder, 'chat.db'), sync }
    const server = await StoreServer.start({ store: 'sqlite', options, env: { ...shim.env, ...env } })
    onTestFinished(() => server.kill())
    return new DiskStage(shim, server)
  }

  /** Connects a client that joins a room. */
  async enter(room: string): Promise<WireClient> {
    const client = await WireClient.open(this.server.port)
    await client.join(room)
    return client
  }

  /** Sends a message that the shim finds wherever it is written or sent; returns its mark, which is its client id. */
  send(client: WireClient, room: string, mark = this.newMark()): string {
    client.send({ type: 'chat_message', room_id: room, message: mark, client_id: mark })
    return mark
  }

  newMark(): string {
    return `mark-${String(this.#marks++).padStart(6, '0')}`
  }
}

/** A folder that is gone when the test is over. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'roomful-durable-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Resolves with the answer to a message: its acknowledgement or its refusal. */
export function answerTo(client: WireClient, mark: string) {
  const isAnswer = (type: string) => type === 'ack' || type === 'error'
  return client.until(
    () => client.frames.find(({ type, client_id }) => isAnswer(type) && client_id === mark),
    `an answer to ${mark}`,
  )
}
