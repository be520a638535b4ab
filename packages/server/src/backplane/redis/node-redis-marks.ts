import type { Position, Subscription } from '../../api/contracts/log.js'
import type { Reader, Reading, UserMark } from '../../api/contracts/marks.js'
import { MOST_LOOKED_AT, MOST_UNREAD } from '../log/unread.js'
import type { Keys } from './keys.js'
import { FORGET_MARK, LIST_MARKS, MOVE_MARK, READ_UNREAD } from './lua/marks.js'
import type { MarkCommands } from './mark-commands.js'
import type { RedisSettings } from './options.js'
import * as replies from './replies.js'
import { Script, type ScriptCall } from './script.js'

/** What it uses of the store's connections. */
export interface MarksDeps {
  readonly keys: Keys
  run(script: Script, call: ScriptCall): Promise<unknown>
  /** Resolves with what ends it. */
  subscribe(channels: readonly string[], listener: (message: string) => void): Promise<() => Promise<void>>
}

const SCRIPTS = {
  move: new Script(MOVE_MARK),
  reading: new Script(READ_UNREAD),
  list: new Script(LIST_MARKS),
  forget: new Script(FORGET_MARK),
}

export class NodeRedisMarks implements MarkCommands {
  /** @param deps asked for each time, for there is none before Redis is connected */
  constructor(
    private readonly settings: RedisSettings,
    private readonly deps: () => MarksDeps,
  ) {}

  async move(stream: string, reader: Reader, { epoch, offset, id }: Position) {
    const reply = await this.#run('move', stream, [...this.#counting(reader), epoch, offset, id])
    const reading = replies.reading(reply)
    return reading && { ...reading, moved: replies.hasMoved(reply) }
  }

  async reading(stream: string, reader: Reader): Promise<Reading | undefined> {
    return replies.reading(await this.#run('reading', stream, this.#counting(reader)))
  }

  async list(stream: string, most: number): Promise<readonly UserMark[]> {
    return replies.marks(await this.#run('list', stream, [...this.#bounds, most]))
  }

  async forget(stream: string, userId: string): Promise<void> {
    await this.#run('forget', stream, [userId])
  }

  async watch(changed: (stream: string) => void): Promise<Subscription> {
    const { keys, subscribe } = this.deps()
    const unsubscribe = await subscribe(keys.changed, (stream) => changed(stream))
    // If it cannot be ended, it ends with the connection.
    return { close: () => void unsubscribe().catch(() => {}) }
  }

  get #bounds(): number[] {
    return [this.settings.marksCount, this.settings.marksMs]
  }

  #counting({ userId, counts }: Reader): (string | number)[] {
    const limits = [MOST_UNREAD, MOST_LOOKED_AT, this.settings.historyMs]
    const types = counts.map((type) => JSON.stringify(type))
    return [...this.#bounds, userId, JSON.stringify(userId), ...limits, types.length, ...types]
  }

  #run(script: keyof typeof SCRIPTS, stream: string, args: readonly (string | number)[]): Promise<unknown> {
    const { keys, run } = this.deps()
    return run(SCRIPTS[script], { keys: [keys.log(stream)], args })
  }
}
