import type { Entry } from '@roomful/protocol'
import type { RoomfulError, ServerDecodeResult } from '@roomful/protocol/wire'
import type { ConnectionDriver } from '../connection/connection-driver.js'
import type { PendingRequests } from '../connection/pending-requests.js'
import type { Settings } from '../options/resolve-options.js'
import type { OutboxDriver } from '../outbox/outbox-driver.js'
import type { Report } from '../runtime/observable.js'
import type { Runtime } from '../runtime/runtime.js'
import type { Loggable, Place } from './loggable.js'
import type { RoomTimeline } from './room-timeline.js'

/** Creates the list that shows a room's messages. */
export type TimelineFactory = (...args: ConstructorParameters<typeof RoomTimeline>) => RoomTimeline

/** The part of its client that a room `R` needs. */
export interface ClientServices<R> {
  readonly settings: Settings
  readonly runtime: Runtime
  readonly report: Report
  readonly driver: ConnectionDriver
  readonly requests: PendingRequests
  readonly outbox: OutboxDriver
  failed(error: RoomfulError): void
  readonly rooms: {
    /** Records that the application uses the room, so that its handle is kept. */
    use(room: R): void
    /** The next call for this name creates a new handle. */
    release(room: R): void
    /** Looks for rooms that are unused now. */
    sweep(): void
  }
  readonly router: {
    /**
     * Reads the entries of a page. An unreadable entry yields its position; one that violates the protocol is also
     * reported.
     */
    readPage(entries: readonly Entry[]): (Loggable | Place)[]
    unreadable(result: ServerDecodeResult): void
  }
  /**
   * Called when a room is joined: connects the client if nothing has yet.
   * @throws TypeError if there is nothing to connect to or with
   */
  wake(): void
  joining(room: R): void
  /** `undefined` in the core, which has no timelines. */
  readonly createTimeline: TimelineFactory | undefined
}
