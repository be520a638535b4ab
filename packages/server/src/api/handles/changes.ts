import type { BuiltIn } from '@roomful/protocol'
import type { Position } from '../contracts/backplane.js'
import type { AnyProtocol } from '../protocol.js'
import type { LogAmendment, LogMessage } from './log-message.js'

/** Where to begin without a cursor: with the oldest entry in the log, or with the next one to be logged. */
export type ChangesStart = 'oldest' | 'now'

export interface ChangesOptions {
  /**
   * The cursor of the last change that you have; reading begins with the change after it. Not together with `from`.
   */
  readonly after?: string
  /** Where to begin without a cursor. @default 'oldest' */
  readonly from?: ChangesStart
  /** Ends after this many changes. @default Infinity */
  readonly limit?: number
  /** Whether to wait for later entries; with `false`, reading ends with the newest existing entry. @default true */
  readonly live?: boolean
  /** Ends the reading. */
  readonly signal?: AbortSignal
}

/** An entry of any room. */
export interface Change<P extends AnyProtocol = BuiltIn> {
  /** `@me` for a user's own stream. */
  readonly roomId: string
  /** The user whose own stream it is; absent for a room. */
  readonly userId?: string
  /**
   * A message in its present state, or what changed one. What is handed out after a deletion has no text of the message, nor
   * of its edits.
   */
  readonly message: LogMessage<P> | LogAmendment<P>
  /** Its position in the log of the room. */
  readonly position: Position
  /** When it was logged: wall time, in ms since 1970. */
  readonly timestampMs: number
  /** Its position among the changes, for the option `after`: an opaque text. */
  readonly cursor: string
}

export interface ConsumeOptions {
  /** Where a consumer begins if it has no stored cursor. @default 'oldest' */
  readonly from?: ChangesStart
  /** Maximum number of changes that the handler gets at once. @default 100 */
  readonly batch?: number
  /**
   * How many changes may be taken while an earlier one is not done. With more than 0, the handler gets the changes of
   * each room separately, and those of several rooms at the same time: a room whose handler fails holds up others only
   * once so many changes have been taken. After a crash, as many may come again.
   * @default 0: one batch at a time, of all rooms
   */
  readonly ahead?: number
  /** If a node shows no sign of life for this long, in ms, another node takes over its consumers. @default 15_000 */
  readonly leaseMs?: number
  /**
   * Longest wait before changes whose handler failed are passed again, in ms. The wait begins with 1 s and doubles; a
   * handler that throws a RoomfulError with `retryAfterMs` chooses it.
   * @default 60_000
   */
  readonly retryMs?: number
}

export interface ConsumeContext {
  /**
   * Aborted when another node may have taken over the consumer, or when the server no longer waits for the handler.
   */
  readonly signal: AbortSignal
  /** Whether changes before these were lost, because the cursor was gone. */
  readonly missed: boolean
  /** How many times this node has passed these changes, from 1. */
  readonly attempt: number
}

/**
 * Receives changes in order. They are done when it returns, or when its promise resolves; after a throw, it receives
 * the same changes again.
 */
export type ConsumeHandler<P extends AnyProtocol = BuiltIn> = (
  changes: readonly Change<P>[],
  context: ConsumeContext,
) => void | PromiseLike<void>

export interface Consumer {
  readonly name: string
  /**
   * Stops taking changes. Resolves once the handler has finished and its position is stored; another node can then
   * continue.
   */
  stop(): Promise<void>
}
