import type { Position } from '../api/contracts/backplane.js'
import type { Clock } from '../api/contracts/clock.js'
import { cursorText } from '../api/contracts/cursor.js'
import type { LogNews, LogReader } from '../api/contracts/log-reader.js'
import type { Logger } from '../api/contracts/logger.js'
import { eventText, HEARTBEAT } from './sse.js'

export interface StreamTimes {
  readonly heartbeatMs: number
  readonly stalledMs: number
}

interface EventStreamDeps {
  readonly clock: Clock
  readonly logger: Logger
}

type Controller = ReadableStreamDefaultController<Uint8Array>

/** How long clients wait after their server closed: not all the same time, and until another server may be there. */
const RETRY_MS = { least: 1_000, most: 5_000 }

/**
 * A room's log as Server-Sent Events. It reads the next page once the client has taken the last one, so a stalled client
 * costs one page.
 */
export class EventStream {
  readonly body: ReadableStream<Uint8Array>
  /** Resolves once the stream has ended. */
  readonly ended: Promise<void>
  #settle = () => {}
  #isOver = false
  #cancelStalled = () => {}

  constructor(
    private readonly roomId: string,
    private readonly reader: LogReader,
    private readonly times: StreamTimes,
    private readonly deps: EventStreamDeps,
  ) {
    this.ended = new Promise((resolve) => {
      this.#settle = resolve
    })
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => this.#give(controller, eventText({ id: cursorText(reader.cursor) })),
        pull: (controller) => this.#pull(controller),
        cancel: () => this.#finish(),
      },
      { highWaterMark: 0 },
    )
  }

  /** Ends the stream, and tells the client when to reconnect. */
  end(): void {
    this.reader.close()
  }

  async #pull(controller: Controller): Promise<void> {
    this.#cancelStalled()
    try {
      const news = await this.reader.next(this.times.heartbeatMs)
      if (this.#isOver) return
      if (news) this.#give(controller, newsText(this.roomId, news))
      else this.#bidFarewell(controller)
    } catch (err) {
      this.deps.logger.error({ room: this.roomId, err }, 'http: a stream failed')
      this.#finish()
      throw err
    }
  }

  #give(controller: Controller, text: string): void {
    controller.enqueue(Buffer.from(text))
    const { clock, logger } = this.deps
    this.#cancelStalled = clock.after(this.times.stalledMs, () => {
      logger.debug({ room: this.roomId }, 'http: a stream was ended, because its client takes nothing')
      this.#finish()
      controller.error(new Error('The client of this stream takes nothing'))
    })
  }

  #bidFarewell(controller: Controller): void {
    const { least, most } = RETRY_MS
    const retryMs = Math.round(least + Math.random() * (most - least))
    controller.enqueue(Buffer.from(eventText({ retryMs })))
    controller.close()
    this.#finish()
  }

  #finish(): void {
    this.#isOver = true
    this.#cancelStalled()
    this.reader.close()
    this.#settle()
  }
}

/** The next entries of a log as events. The id of each is its position. */
function newsText(roomId: string, { epoch, entries, gap }: LogNews): string {
  const events = entries.map(({ offset, id, text }) =>
    eventText({ id: cursorText({ epoch, offset, id }), type: typeOf(text), data: text }),
  )
  if (gap) events.unshift(gapText(roomId, gap.reason === 'expired' ? 'gap' : gap.reason, gap.cursor))
  return events.join('') || HEARTBEAT
}

/** The same frame that members receive. */
function gapText(roomId: string, reason: string, cursor: Position): string {
  const frame = { type: 'resync', room_id: roomId, reason, ...cursor }
  return eventText({ id: cursorText(cursor), type: frame.type, data: JSON.stringify(frame) })
}

function typeOf(text: string): string {
  const { type }: { readonly type: string } = JSON.parse(text)
  return type
}
