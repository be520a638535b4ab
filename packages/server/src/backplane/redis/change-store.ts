import type { ConsumerClaim, FeedEntry } from '../../api/contracts/change-feed.js'
import type { Position } from '../../api/contracts/log.js'
import type { LogEditor } from './log-editor.js'

export interface ChangesReply {
  /** Without those of logs that were ended. */
  readonly entries: readonly FeedEntry[]
  /** The last one that was read, even if it was left out; `undefined` if none was. */
  readonly last: Position | undefined
  readonly head: Position
  /** Id at the number that was asked for, if everything after it is still kept. */
  readonly idAt: string | undefined
}

/** The feed of all streams in Redis, which is one more log: its epoch is the store's id, its offsets are the numbers. */
export interface ChangeStore {
  readonly editor: LogEditor
  /** Creates an empty feed with the id `newId` if there is none, so that a reader has a position to continue from. */
  read(after: number | undefined, limit: number, maxBytes: number, newId: string): Promise<ChangesReply>
  /**
   * Resolves once Redis has confirmed; there is one listener. It is told with each entry whether that takes the texts out of
   * others.
   */
  subscribe(listener: (isRetraction: boolean) => void): Promise<void>
  unsubscribe(): Promise<void>
  claim(consumer: string, owner: string, leaseMs: number): Promise<ConsumerClaim | undefined>
  commit(consumer: string, owner: string, cursor: Position): Promise<boolean>
  release(consumer: string, owner: string): Promise<void>
}
