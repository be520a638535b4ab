import type { Position } from '../api/contracts/backplane.js'
import type { Clock } from '../api/contracts/clock.js'
import { parseCursor } from '../api/contracts/cursor.js'
import type { OpenLogReader } from '../api/contracts/log-reader.js'
import type { Logger } from '../api/contracts/logger.js'
import { RoomfulError } from '../api/contracts/roomful-error.js'
import { EventStream, type StreamTimes } from './event-stream.js'
import { requestError } from './problem.js'
import { EVENT_STREAM } from './sse.js'

export interface EventStreamsDeps {
  readonly open: OpenLogReader
  readonly clock: Clock
  readonly logger: Logger
}

export interface StreamLimits extends StreamTimes {
  /** Maximum number of open streams. */
  readonly streams: number
}

/** How long `close()` waits until clients have taken the ends of their streams. */
const CLOSE_WAIT_MS = 2_000
const RETRY_AFTER_MS = 1_000
const HEADERS = {
  'content-type': EVENT_STREAM,
  // Keeps middleware that compresses, and nginx, from buffering events.
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
}

/** The open streams of an API, up to their limit. */
export class EventStreams {
  readonly #streams = new Set<EventStream>()
  #opening = 0
  #isClosing = false

  constructor(
    private readonly limits: StreamLimits,
    private readonly deps: EventStreamsDeps,
  ) {}

  /** How many are open. */
  get size(): number {
    return this.#streams.size
  }

  /**
   * Opens a stream of a room's log: after a cursor, or from now on.
   * @throws RoomfulError `invalid_request`, `invalid_room`, `unavailable`, `closed`
   */
  async open(roomId: string, lastEventId: string | undefined): Promise<Response> {
    const since = cursorOf(lastEventId)
    this.#assertSpace()
    this.#opening++
    try {
      const reader = await this.deps.open(roomId, since)
      const stream = new EventStream(roomId, reader, this.limits, this.deps)
      this.#streams.add(stream)
      void stream.ended.then(() => this.#streams.delete(stream))
      if (this.#isClosing) stream.end()
      return new Response(stream.body, { headers: HEADERS })
    } finally {
      this.#opening--
    }
  }

  /** Opens no more streams, and ends the open ones. */
  async close(): Promise<void> {
    this.#isClosing = true
    const streams = [...this.#streams]
    for (const stream of streams) stream.end()
    const ended = Promise.all(streams.map((stream) => stream.ended))
    const { clock } = this.deps
    await new Promise<void>((resolve) => {
      const cancel = clock.after(CLOSE_WAIT_MS, resolve)
      void ended.then(() => {
        cancel()
        // Not before the end of this turn, in which sockets write what the streams gave them: the process may exit next.
        clock.soon(resolve)
      })
    })
  }

  /** @throws RoomfulError `unavailable` */
  #assertSpace(): void {
    const isFull = this.#streams.size + this.#opening >= this.limits.streams
    if (!isFull && !this.#isClosing) return
    const message = isFull ? 'There are too many streams' : 'This server is about to close'
    throw new RoomfulError('unavailable', { message, retryAfterMs: RETRY_AFTER_MS })
  }
}

/** @throws RoomfulError `invalid_request` */
function cursorOf(lastEventId: string | undefined): Position | undefined {
  if (!lastEventId) return undefined
  const cursor = parseCursor(lastEventId)
  if (cursor) return cursor
  throw requestError('invalid_request', 'Last-Event-ID must be the id of an event, as it was received')
}
