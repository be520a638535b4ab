import type { Position } from '../../api/contracts/backplane.js'
import type { ConsumerClaim } from '../../api/contracts/change-feed.js'
import type { ChangeStore, ChangesReply } from './change-store.js'
import type { Keys } from './keys.js'
import { CLAIM, COMMIT, RELEASE } from './lua/consumers.js'
import { READ } from './lua/log.js'
import type { ChangeSettings } from './options.js'
import * as replies from './replies.js'
import { Script, type ScriptCall } from './script.js'

/** What it uses of the store's connections. */
export interface ChangeStoreDeps {
  readonly keys: Keys
  run(script: Script, call: ScriptCall): Promise<unknown>
  subscribe(channel: string, listener: () => void): Promise<void>
  unsubscribe(channel: string): Promise<void>
}

const SCRIPTS = {
  read: new Script(READ),
  claim: new Script(CLAIM),
  commit: new Script(COMMIT),
  release: new Script(RELEASE),
}

/** Ten years: an empty feed ends with nothing else, and one with entries never does. */
const NEVER_MS = 315_360_000_000

export class NodeRedisChanges implements ChangeStore {
  /** @param deps asked for each time, for there is none before Redis is connected */
  constructor(
    private readonly settings: ChangeSettings,
    private readonly deps: () => ChangeStoreDeps,
  ) {}

  async read(
    after: number | undefined,
    limit: number,
    maxBytes: number,
    newId: string,
  ): Promise<ChangesReply> {
    const { keys, run } = this.deps()
    const from = after === undefined ? '-' : `${after + 1}-0`
    const bounds = [NEVER_MS, this.settings.bytes, NEVER_MS]
    const args = [newId, ...bounds, 'after', from, limit, maxBytes, after ?? '']
    return replies.changesReply(await run(SCRIPTS.read, { keys: keys.changes, args }))
  }

  async subscribe(listener: () => void): Promise<void> {
    const { keys, subscribe } = this.deps()
    return subscribe(keys.changesChannel, listener)
  }

  async unsubscribe(): Promise<void> {
    const { keys, unsubscribe } = this.deps()
    return unsubscribe(keys.changesChannel)
  }

  async claim(consumer: string, owner: string, leaseMs: number): Promise<ConsumerClaim | undefined> {
    return replies.claimReply(await this.#run('claim', consumer, [owner, Math.ceil(leaseMs)]))
  }

  async commit(consumer: string, owner: string, { epoch, offset, id }: Position): Promise<boolean> {
    const cursor = [epoch, offset, id].join('\n')
    return (await this.#run('commit', consumer, [owner, cursor])) === 1
  }

  async release(consumer: string, owner: string): Promise<void> {
    await this.#run('release', consumer, [owner])
  }

  #run(script: keyof typeof SCRIPTS, consumer: string, args: readonly (string | number)[]): Promise<unknown> {
    const { keys, run } = this.deps()
    return run(SCRIPTS[script], { keys: [keys.consumer(consumer)], args })
  }
}
