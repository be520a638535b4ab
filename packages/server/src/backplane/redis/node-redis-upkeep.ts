import type { Append } from './append.js'
import type { Keys } from './keys.js'
import type { LogCalls } from './log-calls.js'
import type { LogEditor, Rewrite } from './log-editor.js'
import { userMark } from './log-fields.js'
import type { LogUpkeep } from './log-upkeep.js'
import { FORGET, REWRITE_AND_APPEND } from './lua/rewrite.js'
import { END, TIDY } from './lua/upkeep.js'
import { NodeRedisEditor } from './node-redis-editor.js'
import * as replies from './replies.js'
import { Script, type ScriptCall } from './script.js'

/** What it uses of the store's connections. */
export interface UpkeepDeps {
  readonly keys: Keys
  readonly calls: LogCalls
  run(script: Script, call: ScriptCall): Promise<unknown>
  send(...command: string[]): Promise<unknown>
}

const SCRIPTS = {
  end: new Script(END),
  rewriteAndAppend: new Script(REWRITE_AND_APPEND),
  forget: new Script(FORGET),
  tidy: new Script(TIDY),
}

/** How many keys one SCAN looks at, and how many records one script. */
const KEYS = 500
const RECORDS = 500

export class NodeRedisUpkeep implements LogUpkeep {
  /** @param deps asked for each time, for there is none before Redis is connected */
  constructor(
    private readonly dedupeMs: number,
    private readonly deps: () => UpkeepDeps,
  ) {}

  async time(): Promise<number> {
    return replies.time(await this.deps().send('TIME'))
  }

  async streams(cursor: string): Promise<{ readonly streams: readonly string[]; readonly cursor: string }> {
    const { keys, send } = this.deps()
    const found = replies.scanned(await send('SCAN', cursor, 'MATCH', keys.logs, 'COUNT', String(KEYS)))
    return { streams: found.keys.map((key) => keys.streamOf(key)), cursor: found.cursor }
  }

  editor(stream: string): LogEditor {
    const { calls, run } = this.deps()
    return new NodeRedisEditor(calls.rewriteKeys(stream), run)
  }

  async end(stream: string, newEpoch: string): Promise<string | undefined> {
    const args = [newEpoch, this.dedupeMs, this.deps().keys.channel(stream)]
    const epoch = await this.#run('end', stream, args)
    return epoch === '' ? undefined : String(epoch)
  }

  async rewriteAndAppend(rewrites: readonly Rewrite[], append: Append): Promise<boolean> {
    const { calls, run } = this.deps()
    return (await run(SCRIPTS.rewriteAndAppend, calls.rewriteAndAppend(rewrites, append))) === 1
  }

  async forget(stream: string, userId: string, from: number, untilMs: number): Promise<number | undefined> {
    const next = await this.#run('forget', stream, [userMark(userId), from, RECORDS, untilMs])
    return next === '' ? undefined : Number(next)
  }

  async takeTurn(ms: number): Promise<boolean> {
    const { keys, send } = this.deps()
    return (await send('SET', keys.tidying, '1', 'NX', 'PX', String(ms))) !== null
  }

  async keepTurn(ms: number): Promise<void> {
    const { keys, send } = this.deps()
    await send('SET', keys.tidying, '1', 'PX', String(ms))
  }

  async tidy(stream: string): Promise<boolean> {
    const { calls, run } = this.deps()
    return (await run(SCRIPTS.tidy, calls.tidy(stream, RECORDS))) === 1
  }

  #run(script: keyof typeof SCRIPTS, stream: string, args: readonly (string | number)[]): Promise<unknown> {
    const { keys, run } = this.deps()
    return run(SCRIPTS[script], { keys: [keys.log(stream)], args })
  }
}
