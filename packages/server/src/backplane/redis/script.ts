import { createHash } from 'node:crypto'
import type { RedisConnection } from './connection.js'
import { isNoScript } from './refusals.js'

export interface ScriptCall {
  readonly keys: readonly string[]
  readonly args: readonly (string | number)[]
}

/** A Lua script that Redis knows by its digest. After a restart or a failover, it is loaded again. */
export class Script {
  readonly #digest: string

  constructor(private readonly source: string) {
    this.#digest = createHash('sha1').update(source).digest('hex')
  }

  async run(connection: RedisConnection, { keys, args }: ScriptCall): Promise<unknown> {
    try {
      return await this.runLoaded(connection, { keys, args })
    } catch (error) {
      if (!isNoScript(error)) throw error
      return connection.send(['EVAL', this.source, ...flat({ keys, args })])
    }
  }

  /** For a pipeline in which nothing may be delayed: load the script first, then run it. */
  load(connection: RedisConnection): Promise<unknown> {
    return connection.send(['SCRIPT', 'LOAD', this.source])
  }

  runLoaded(connection: RedisConnection, call: ScriptCall, timeoutMs?: number): Promise<unknown> {
    return connection.send(['EVALSHA', this.#digest, ...flat(call)], timeoutMs)
  }
}

function flat({ keys, args }: ScriptCall): string[] {
  return [String(keys.length), ...keys, ...args.map(String)]
}
