import type { Position, Subscription } from '../../api/contracts/log.js'
import type { Reader, Reading, UserMark } from '../../api/contracts/marks.js'

/** What is done to the marks of a stream. Each method is one script, and rejects as the store's own do. */
export interface MarkCommands {
  /** `undefined` if there is no log. */
  move(
    stream: string,
    reader: Reader,
    to: Position,
  ): Promise<(Reading & { readonly moved: boolean }) | undefined>
  reading(stream: string, reader: Reader): Promise<Reading | undefined>
  list(stream: string, most: number): Promise<readonly UserMark[]>
  forget(stream: string, userId: string): Promise<void>
  /** Calls `changed` with the names of streams whose logs have changed. */
  watch(changed: (stream: string) => void): Promise<Subscription>
}
