import type { BuiltIn } from '@roomful/protocol'
import type { Position } from './backplane.js'
import type { LogMessage } from './log-message.js'
import type { AnyProtocol } from './protocol.js'

/** Where to begin without a cursor: with the oldest entry that is kept, or with the next that is logged. */
export type ChangesStart = 'oldest' | 'now'

export interface ChangesOptions {
  /** The cursor of the last change that you have; the one after it comes first. Not together with `from`. */
  readonly after?: string
  /** Where to begin without a cursor. @default 'oldest' */
  readonly from?: ChangesStart
  /** Ends after so many changes. @default Infinity */
  readonly limit?: number
  /** Whether to wait for what is logged later; with `false` it ends with the newest entry that there is. @default true */
  readonly live?: boolean
  /** Ends it. */
  readonly signal?: AbortSignal
}

/** An entry of any room. */
export interface Change<P extends AnyProtocol = BuiltIn> {
  /** `@me` for a user's own stream. */
  readonly roomId: string
  /** Whose own stream it is; absent for a room. */
  readonly userId?: string
  readonly message: LogMessage<P>
  /** Its place in the log of the room. */
  readonly position: Position
  /** Its place among the changes, for `after`: an opaque text. */
  readonly cursor: string
}
