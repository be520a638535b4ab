import type { Cursor, Entry } from '@roomful/protocol'
import { RoomfulError, validate } from '@roomful/protocol/wire'
import type { AnyProtocol } from '../options/options.js'
import type { Settings } from '../options/resolve-options.js'
import type { Draft, OutboxEntry } from '../options/stored-outbox.js'
import type { SendResult } from '../outbox/outbox.js'
import { Timer } from '../runtime/clock.js'
import type { Observable, Report } from '../runtime/observable.js'
import type { Runtime } from '../runtime/runtime.js'
import type { Loggable, Place } from './loggable.js'
import type { Snapshot } from './messages.js'
import type { HistoryOptions, HistoryPage } from './room-api.js'
import { Timeline } from './timeline.js'

/** Maximum number of entries in a timeline; the oldest are removed first. */
const LIMIT = 5_000
/** Until a page is asked for again that the server refused without saying when. */
const RETRY_MS = 1_000

/** The part of its room that a timeline needs. */
interface TimelineRoom {
  readonly id: string
  readonly head: Cursor | undefined
  readonly isLive: boolean
  submit(draft: Draft): unknown
  history(options: HistoryOptions): Promise<HistoryPage<AnyProtocol>>
}

/** The part of the client that a timeline needs. */
interface TimelineServices {
  readonly settings: Settings
  readonly runtime: Runtime
  readonly report: Report
  readonly driver: { readonly user: Observable<string | undefined> }
  readonly outbox: { cancel(clientId: string): boolean }
  readonly router: { readPage(entries: readonly Entry[]): (Loggable | Place)[] }
}

/** An own message, or what an own edit makes of one. */
interface Written extends Loggable {
  readonly room_id: string
  readonly user_id: string | undefined
  readonly timestamp: string
  readonly message: string
  readonly data: object | undefined
}

/** A room's timeline, which shows what the user sends before the server has it. */
export class RoomTimeline extends Timeline {
  readonly #room: TimelineRoom
  readonly #client: TimelineServices
  readonly #retryTimer: Timer
  #isReading = false

  constructor(room: TimelineRoom, client: TimelineServices, watched: () => void) {
    super(LIMIT, client.report, watched)
    this.#room = room
    this.#client = client
    this.#retryTimer = new Timer(client.runtime.clock)
  }

  queued(entry: OutboxEntry): void {
    const { clientId, amends } = entry
    if (amends !== undefined) return
    this.pending(clientId, this.written(entry), {
      retry: () => this.#room.submit(entry),
      cancel: () => this.#client.outbox.cancel(clientId),
    })
  }

  /** What the server will make of an own message or of an edit, as far as it is known here. */
  written({ clientId, message, data, userId, fields }: OutboxEntry): Written {
    const chat = this.#client.settings.protocol?.chat
    // Shows the schema's output, as receivers will see it, but sends its input.
    const shown = chat && data ? validate(chat, data) : undefined
    return {
      type: 'chat_message',
      room_id: this.#room.id,
      client_id: clientId,
      message,
      timestamp: new Date(this.#client.runtime.wallTime()).toISOString(),
      user_id: userId,
      data: shown?.ok ? shown.value : data,
      ...fields,
    }
  }

  /**
   * Shows a snapshot, unless the room is ahead of it: it may hold what has been erased since. `head` is the room's
   * position.
   */
  rendered(snapshot: Snapshot, head: Cursor = snapshot.cursor): void {
    const { epoch, offset } = snapshot.cursor
    // It is made of the newest messages, so what is not among them changed one of them, or is gone.
    const covers = { from: snapshot.messages[0]?.offset ?? offset + 1, to: offset }
    if (epoch === head.epoch && offset >= head.offset)
      this.received(this.read(snapshot), { epoch, covers, own_reactions: snapshot.own_reactions })
  }

  /** The messages of a snapshot, checked like those of a page. */
  read({ messages }: Snapshot): (Loggable | Place)[] {
    return this.#client.router.readPage(messages as readonly Entry[])
  }

  /** What is shown may have been edited or deleted meanwhile, after a break for instance. Called whenever the room is live. */
  async readAgain(): Promise<void> {
    if (this.#isReading || !this.#room.isLive) return
    this.#isReading = true
    try {
      while (this.outdated) {
        const { outdated } = this
        const { from, before } = outdated
        const limit = Math.min(before - from, 1_000)
        const { messages, more } = await this.#room.history({ before, limit })
        const oldest = (more && messages[0]?.offset) || from
        // Otherwise, more has become outdated meanwhile.
        if (this.outdated === outdated) this.outdated = oldest > from ? { from, before: oldest } : undefined
      }
    } catch (error) {
      const { temporary, retryAfterMs = RETRY_MS } = error as RoomfulError
      if (temporary) this.#retryTimer.set(retryAfterMs, () => void this.readAgain())
    }
    this.#isReading = false
  }

  settled(
    { clientId }: OutboxEntry,
    outcome: SendResult | RoomfulError,
    timestamp: string | undefined,
  ): void {
    if (outcome instanceof RoomfulError) {
      if (outcome.code === 'cancelled') this.removed(clientId)
      else this.failed(clientId, outcome, this.#room.head?.offset)
    } else if (outcome.durability === 'none') this.removed(clientId)
    else {
      const { id, epoch, offset } = outcome
      const place: Partial<Loggable> = { id, epoch, offset, user_id: this.#client.driver.user.get() }
      if (timestamp !== undefined) Object.assign(place, { timestamp })
      this.placed(clientId, place, this.#room.head)
      void this.readAgain()
    }
  }
}
