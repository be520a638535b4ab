import { rewriteArgs } from './log-calls.js'
import type { FoundEntries, LogEditor, Rewrite } from './log-editor.js'
import { FIND, REWRITE } from './lua/rewrite.js'
import * as replies from './replies.js'
import { Script, type ScriptCall } from './script.js'

/** How many entries one script looks through, in a fraction of a ms. */
const ENTRIES = 200

const SCRIPTS = { find: new Script(FIND), rewrite: new Script(REWRITE) }

export class NodeRedisEditor implements LogEditor {
  constructor(
    private readonly key: string,
    private readonly run: (script: Script, call: ScriptCall) => Promise<unknown>,
  ) {}

  async find(words: string, after: number, untilMs: number): Promise<FoundEntries> {
    const args = [words, after, ENTRIES, untilMs]
    return replies.foundEntries(await this.run(SCRIPTS.find, { keys: [this.key], args }))
  }

  async rewrite(rewrites: readonly Rewrite[]): Promise<void> {
    await this.run(SCRIPTS.rewrite, { keys: [this.key], args: rewriteArgs(rewrites) })
  }
}
