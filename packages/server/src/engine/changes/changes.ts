import type { AnyProtocol, Change, ChangesOptions, LogMessage } from '../../api/api.js'
import type { Backplane } from '../../api/backplane.js'
import type { ChangeFeed, FeedEntry } from '../../api/change-feed.js'
import { assertChangesOptions } from '../../api/check-options.js'
import type { Clock } from '../../api/clock.js'
import type { Logger } from '../../api/logger.js'
import type { LifeCycle } from '../process/life-cycle.js'
import { roomOf } from '../rooms/room.js'
import { cursorText, parseCursor } from './cursor.js'
import { follow } from './follow.js'

export interface ChangesDeps {
  readonly lifeCycle: LifeCycle
  readonly backplane: Backplane
  readonly clock: Clock
  readonly logger: Logger
}

const PAGE = 500

/** What the application reads of all rooms together. */
export class Changes {
  readonly #running = new Set<AbortController>()

  constructor(private readonly deps: ChangesDeps) {}

  /** @throws TypeError for a wrong option, or where the backplane keeps no feed; RoomfulError `closed` */
  changes(options: ChangesOptions = {}): AsyncGenerator<Change<AnyProtocol>, void> {
    this.deps.lifeCycle.assertOpen()
    assertChangesOptions(options)
    const after = options.after === undefined ? undefined : parseCursor(options.after)
    if (options.after !== undefined && !after)
      throw new TypeError('changes: after must be the cursor of a change, as it was given')
    return this.#iterate(feedOf(this.deps.backplane, 'changes'), after ?? options.from ?? 'oldest', options)
  }

  /** Ends whatever reads. */
  stop(): void {
    for (const controller of this.#running) controller.abort()
  }

  async *#iterate(
    feed: ChangeFeed,
    start: Parameters<typeof follow>[1]['start'],
    { limit = Number.POSITIVE_INFINITY, live = true, signal: given }: ChangesOptions,
  ): AsyncGenerator<Change<AnyProtocol>, void> {
    const { clock, logger, lifeCycle } = this.deps
    const controller = new AbortController()
    const { signal } = controller
    const abort = () => controller.abort()
    if (given?.aborted) return
    given?.addEventListener('abort', abort)
    this.#running.add(controller)
    try {
      await lifeCycle.run(async () => {})
      const how = { start, pageSize: Math.min(limit, PAGE), isLive: live }
      let left = limit
      for await (const page of follow(feed, how, { clock, logger, signal })) {
        for (const entry of page) {
          if (signal.aborted) return
          yield changeOf(entry)
          if (--left <= 0) return
        }
      }
    } finally {
      given?.removeEventListener('abort', abort)
      this.#running.delete(controller)
    }
  }
}

/** @throws TypeError where the backplane keeps none */
export function feedOf({ changes }: Backplane, caller: string): ChangeFeed {
  if (changes) return changes
  throw new TypeError(`${caller}: this backplane keeps no feed of the changes of all rooms`)
}

export function changeOf({ stream, epoch, entry, cursor }: FeedEntry): Change<AnyProtocol> {
  return {
    ...roomOf(stream),
    message: JSON.parse(entry.text) as LogMessage<AnyProtocol>,
    position: { epoch, offset: entry.offset, id: entry.id },
    cursor: cursorText(cursor),
  }
}
