import { RoomfulError } from '@roomful/protocol'
import type {
  Backplane,
  Break,
  LogPage,
  Position,
  StreamEvent,
  Subscription,
} from '../../api/contracts/backplane.js'
import type { Clock } from '../../api/contracts/clock.js'
import type { LogNews, LogReader } from '../../api/contracts/log-reader.js'
import type { Logger } from '../../api/contracts/logger.js'
import type { SharedPages } from '../rooms/shared-pages.js'
import { Alarm, retryDelay } from './waiting.js'

export interface RoomReaderDeps {
  readonly backplane: Backplane
  /** Readers who are woken together read one page. */
  readonly pages: SharedPages
  readonly clock: Clock
  readonly logger: Logger
}

const PAGE = { limit: 100, maxBytes: 64 * 1024 }
const NOTHING = { before: undefined, limit: 0, maxBytes: 0 }
const MOST_RETRY_MS = 15_000

/** Opens a reader at a position, or at the end of the log. @throws RoomfulError `unavailable` */
export async function openRoomReader(
  stream: string,
  since: Position | undefined,
  deps: RoomReaderDeps,
): Promise<RoomReader> {
  const signal = new Signal(deps.clock)
  const subscription = await deps.backplane.subscribe(stream, signal.receive)
  try {
    // Only now: what is published between a head and a subscription after it would wake nobody.
    const { head } = await deps.backplane.read(stream, NOTHING)
    return new RoomReader(stream, since, { head, signal, subscription }, deps)
  } catch (error) {
    subscription.close()
    throw error
  }
}

/** How a log was found. */
interface Opened {
  readonly head: Position
  readonly signal: Signal
  readonly subscription: Subscription
}

/** What a subscription tells a reader: that there is something to read, and up to where. */
class Signal {
  readonly alarm: Alarm
  newest: Position | undefined

  constructor(clock: Clock) {
    this.alarm = new Alarm(clock)
  }

  readonly receive = (event: StreamEvent): void => {
    if (event.kind === 'entry')
      this.newest = { epoch: event.epoch, offset: event.entry.offset, id: event.entry.id }
    else if (event.kind === 'resync') this.newest = event.head
    else return
    this.alarm.ring()
  }
}

/**
 * Reads the log of a room page by page. Its subscription only wakes it: what it passes on comes from the log, so a
 * reader who is slow has nothing waiting for it but the next page.
 */
export class RoomReader implements LogReader {
  #cursor: Position
  #isBehind: boolean
  #failures = 0
  #isClosed = false

  constructor(
    private readonly stream: string,
    since: Position | undefined,
    private readonly opened: Opened,
    private readonly deps: RoomReaderDeps,
  ) {
    this.#cursor = since ?? opened.head
    this.#isBehind = since !== undefined
  }

  get cursor(): Position {
    return this.#cursor
  }

  async next(waitMs: number): Promise<LogNews | undefined> {
    if (!this.#isBehind && !this.#isClosed) await this.opened.signal.alarm.next(this.#patience(waitMs))
    if (this.#isClosed) return undefined
    const news = await this.#tryToRead()
    return this.#isClosed ? undefined : news
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.opened.subscription.close()
    this.opened.signal.alarm.ring()
  }

  /** Reads at the latest then, because a notification may be lost, or the store was away. */
  #patience(waitMs: number): number {
    if (this.#failures === 0) return waitMs
    return Math.min(waitMs, retryDelay(this.#failures, MOST_RETRY_MS))
  }

  /** Finds nothing while the store is unreachable. */
  async #tryToRead(): Promise<LogNews> {
    try {
      const news = await this.#read()
      this.#failures = 0
      return news
    } catch (err) {
      if (!(err instanceof RoomfulError && err.temporary)) throw err
      this.deps.logger.debug({ stream: this.stream, err }, 'a log could not be read; trying again')
      this.#failures++
      this.#isBehind = false
      return { epoch: this.#cursor.epoch, entries: [] }
    }
  }

  async #read(): Promise<LogNews> {
    const since = this.#cursor
    const page = await this.#page(since.offset, since)
    return page.fault ? this.#skip(page.fault, page) : this.#take(page, since)
  }

  /**
   * Goes on with the oldest entry that the reader cannot have: of another log, the first; of a fork, none of those that are
   * there already, because some of them may be known.
   */
  async #skip(reason: Break, found: LogPage): Promise<LogNews> {
    const page = reason === 'epoch_changed' ? await this.#page(0) : found
    const { epoch, head } = page
    const [first] = page.entries
    const isUnknown = first && reason !== 'forked'
    const cursor = isUnknown ? { epoch, offset: first.offset - 1, id: first.previousId } : head
    const rest = isUnknown ? page : { ...page, entries: [], more: false }
    return { ...this.#take(rest, cursor), gap: { reason, cursor } }
  }

  #take({ epoch, entries, more }: LogPage, cursor: Position): LogNews {
    const last = entries.at(-1)
    this.#cursor = last ? { epoch, offset: last.offset, id: last.id } : cursor
    this.#isBehind = more
    return { epoch, entries }
  }

  #page(after: number, since?: Position) {
    const { signal, head } = this.opened
    const known = { stream: this.stream, head: signal.newest ?? head }
    return this.deps.pages.read(known, { after, ...PAGE }, since)
  }
}
