import type { Position } from '../../api/contracts/backplane.js'
import type { ConsumerClaim } from '../../api/contracts/change-feed.js'
import type { ChangeStore, ChangesReply } from './change-store.js'
import type { Keys } from './keys.js'
import type { LogEditor } from './log-editor.js'
import { RETRACTION } from './lua/append.js'
import { CLAIM, COMMIT, RELEASE } from './lua/consumers.js'
import { READ } from './lua/read.js'
import { NodeRedisEditor } from './node-redis-editor.js'
import type { ChangeSettings } from './options.js'
import * as replies from './replies.js'
import { Script, type ScriptCall } from './script.js'

/** What it uses of the store's connections. */
export interface ChangeStoreDeps {
  readonly keys: Keys
  run(script: Script, call: ScriptCall): Promise<unknown>
  subscribe(channel: string, listener: (message: string) => void): Promise<void>
  unsubscribe(channel: string): Promise<void>
}

const SCRIPTS = {
  read: new Script(READ),
  claim: new Script(CLAIM),
  commit: new Script(COMMIT),
  release: new Script(RELEASE),
}

export class NodeRedisChanges implements ChangeStore {
  /** @param deps asked for each time, for there is none before Redis is connected */
  constructor(
    private readonly settings: ChangeSettings,
    private readonly deps: () => ChangeStoreDeps,
  ) {}

  get editor(): LogEditor {
    const { keys, run } = this.deps()
    return new NodeRedisEditor([keys.changes], run)
  }

  async read(
    after: number | undefined,
    limit: number,
    maxBytes: number,
    newId: string,
  ): Promise<ChangesReply> {
    const { keys, run } = this.deps()
    const { count, bytes } = this.settings
    // It never expires, nor do its entries by their age.
    const args = [newId, 0, count, bytes, Number.MAX_SAFE_INTEGER]
    const page = ['after', after === undefined ? '' : after + 1, limit, maxBytes, after ?? '']
    return replies.changesReply(await run(SCRIPTS.read, { keys: [keys.changes], args: [...args, ...page] }))
  }

  async subscribe(listener: (isRetraction: boolean) => void): Promise<void> {
    const { keys, subscribe } = this.deps()
    return subscribe(keys.changesChannel, (message) => listener(message === RETRACTION))
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
