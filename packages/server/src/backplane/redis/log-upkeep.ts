import type { Append } from './append.js'
import type { LogEditor, Rewrite } from './log-editor.js'

/** What is done to whole logs. Each method is one script or command, and rejects as the store's own do. */
export interface LogUpkeep {
  /** The time of Redis, in ms since 1970. */
  time(): Promise<number>
  /** Some of the streams that have a log, possibly twice, and the cursor for the next; it ends as it began, with `0`. */
  streams(cursor: string): Promise<{ readonly streams: readonly string[]; readonly cursor: string }>
  editor(stream: string): LogEditor

  /**
   * Ends a log and begins an empty one, unless it is empty. Resolves with the epoch from then on; `undefined` if there
   * is no log.
   */
  end(stream: string, newEpoch: string): Promise<string | undefined>
  /**
   * Rewrites entries, and appends one in the same step if there was any to rewrite. Resolves with false if some had
   * another text than was read; then it writes nothing.
   */
  rewriteAndAppend(rewrites: readonly Rewrite[], append: Append): Promise<boolean>
  /**
   * Removes the records of a user's messages from before a time, among the next few after a number. Resolves with the
   * number to go on from, `undefined` at the end.
   */
  forget(stream: string, userId: string, from: number, untilMs: number): Promise<number | undefined>

  /** Lets one node tidy, for a while. */
  takeTurn(ms: number): Promise<boolean>
  keepTurn(ms: number): Promise<void>
  /** Removes entries and records that are too old. Resolves with whether there are more. */
  tidy(stream: string): Promise<boolean>
}
