import type { AnyProtocol } from '../protocol.js'
import type { Change, ConsumeContext } from './changes.js'

/**
 * A consumer's handler inside the server. It gets a batch even if nothing is left of it, and if it lets changes wait before
 * it passes them on, it asks for them again then.
 */
export type ChangesHandler = (
  changes: readonly Change<AnyProtocol>[],
  context: ConsumeContext,
  batch: ChangesBatch,
) => void | PromiseLike<void>

export interface ChangesBatch {
  /** Of all changes in it, also of those that are gone by now. */
  readonly ids: readonly string[]
  /** The changes as they are now, without those that are gone. @throws RoomfulError once the lease ends */
  present(): Promise<readonly Change<AnyProtocol>[]>
}
