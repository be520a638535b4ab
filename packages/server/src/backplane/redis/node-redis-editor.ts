import { rewriteArgs } from './log-calls.js'
import type { FoundEdits, FoundEntries, LogEditor, Rewrite } from './log-editor.js'
import { EDITS, FIND, REWRITE } from './lua/rewrite.js'
import * as replies from './replies.js'
import { Script, type ScriptCall } from './script.js'

/** How many entries one script looks through, in a fraction of a ms. */
const ENTRIES = 200

/** How many edits one script reads. */
const SOME_EDITS = 100

const SCRIPTS = { edits: new Script(EDITS), find: new Script(FIND), rewrite: new Script(REWRITE) }

export class NodeRedisEditor implements LogEditor {
  constructor(
    /** Of the log; and of the feed of all logs, which a rewrite changes as well. */
    private readonly keys: readonly string[],
    private readonly run: (script: Script, call: ScriptCall) => Promise<unknown>,
  ) {}

  async find(words: string, after: number, untilMs: number): Promise<FoundEntries> {
    const args = [words, after, ENTRIES, untilMs]
    return replies.foundEntries(await this.run(SCRIPTS.find, { keys: this.keys.slice(0, 1), args }))
  }

  async edits(from: number): Promise<FoundEdits> {
    const call = { keys: this.keys.slice(0, 1), args: [from, SOME_EDITS] }
    return replies.foundEdits(await this.run(SCRIPTS.edits, call))
  }

  async rewrite(rewrites: readonly Rewrite[]): Promise<boolean> {
    return (await this.run(SCRIPTS.rewrite, { keys: this.keys, args: rewriteArgs(rewrites) })) === 1
  }
}
