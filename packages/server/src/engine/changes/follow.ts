import { RoomfulError as AnyRoomfulError } from '@roomful/protocol'
import type { Break, Position, Subscription } from '../../api/contracts/backplane.js'
import type { ChangeFeed } from '../../api/contracts/change-feed.js'
import { type Clock, pause } from '../../api/contracts/clock.js'
import type { Logger } from '../../api/contracts/logger.js'
import { RoomfulError } from '../../api/contracts/roomful-error.js'
import type { ChangesStart } from '../../api/handles/changes.js'
import { freshness, type Reading } from './reading.js'
import { Alarm, retryDelay } from './waiting.js'

export interface Patience {
  readonly clock: Clock
  readonly logger: Logger
  /** Ends the reading. */
  readonly signal: AbortSignal
}

export interface FollowOptions {
  readonly start: Position | ChangesStart
  /** Maximum number of entries in a page. */
  readonly pageSize: number
  /** Maximum number of entries that are handed out at once. */
  readonly batch: number
  /** Whether to continue at the end of the feed. */
  readonly isLive: boolean
}

const PAGE_BYTES = 4 * 1024 * 1024
/** Reads at least this often, because a notification from the store may be lost. */
const POLL_MS = 5_000
const MOST_RETRY_MS = 15_000

/**
 * Reads the feed page by page, and hands it out in batches; none is empty. The rest of a page is read again once a text in
 * it may have been deleted. It waits while the store is unreachable, and ends with the signal.
 * @throws RoomfulError `cursor_gone`
 */
export async function* follow(
  feed: ChangeFeed,
  { start, pageSize, batch, isLive }: FollowOptions,
  patience: Patience,
): AsyncGenerator<Reading, void> {
  const { clock, signal } = patience
  const alarm = new Alarm(clock)
  signal.addEventListener('abort', alarm.ring)
  let watching: Subscription | undefined
  try {
    let cursor = await placeOf(feed, start, patience)
    if (isLive) watching = await patiently(() => feed.watch(alarm.ring), patience)
    while (!signal.aborted) {
      const read = async () => ({
        isFresh: freshness(feed, clock),
        ...(await feed.read(cursor, pageSize, PAGE_BYTES)),
      })
      const page = await patiently(read, patience)
      if (!page || signal.aborted) return
      if (page.fault) throw cursorGone(page.fault)
      const { entries, isFresh } = page
      if (entries.length === 0) cursor = page.head
      let done = 0
      // The first batch was read just now, so that a reader gets on however often texts are deleted.
      while (done < entries.length && (done === 0 || isFresh())) {
        const some = entries.slice(done, done + batch)
        done += some.length
        cursor = some.at(-1)?.cursor
        yield { entries: some, isFresh }
      }
      if (page.more || done < entries.length) continue
      if (!isLive) return
      await alarm.next(POLL_MS)
    }
  } finally {
    signal.removeEventListener('abort', alarm.ring)
    watching?.close()
  }
}

/** The current end of the feed, or `undefined` for a reader that begins with the oldest entry. */
export async function placeOf(
  feed: ChangeFeed,
  start: Position | ChangesStart,
  patience: Patience,
): Promise<Position | undefined> {
  if (start === 'oldest') return undefined
  if (start !== 'now') return start
  return (await patiently(() => feed.read(undefined, 0, 0), patience))?.head
}

/** Repeats an operation until the store can do it. Resolves with `undefined` if it was ended before. */
export async function patiently<T>(
  work: () => Promise<T>,
  { clock, logger, signal }: Patience,
): Promise<T | undefined> {
  for (let failures = 1; !signal.aborted; failures++) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof AnyRoomfulError && error.temporary)) throw error
      if (failures === 1) logger.warn({ err: error }, 'changes: the store is unavailable; trying again')
      await pause(clock, retryDelay(failures, MOST_RETRY_MS), signal)
    }
  }
  return undefined
}

const REASONS: Readonly<Record<Break, string>> = {
  epoch_changed: 'The cursor is of another store',
  forked: 'The store does not know this cursor; perhaps a backup was restored',
  expired: 'Entries after the cursor are no longer kept',
}

function cursorGone(fault: Break): RoomfulError {
  return new RoomfulError('cursor_gone', { message: REASONS[fault] })
}
