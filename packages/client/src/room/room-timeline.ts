import type { Cursor, Entry, JsonObject } from '@roomful/protocol'
import { RoomfulError, validate } from '@roomful/protocol/wire'
import type { Settings } from '../options/resolve-options.js'
import type { OutboxEntry } from '../options/stored-outbox.js'
import type { SendResult } from '../outbox/outbox.js'
import type { Observable, Report } from '../runtime/observable.js'
import type { Runtime } from '../runtime/runtime.js'
import type { Snapshot } from './messages.js'
import { type Loggable, type Place, Timeline } from './timeline.js'

/** Maximum number of entries in a timeline; the oldest are removed first. */
const LIMIT = 5_000

/** The part of its room that a timeline needs. */
interface TimelineRoom {
  readonly id: string
  readonly head: { readonly offset: number } | undefined
  send(message: string, options: { readonly data: JsonObject | undefined }): unknown
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

/** A room's timeline, which shows the user's own messages before the server has them. */
export class RoomTimeline extends Timeline<Loggable> {
  readonly #room: TimelineRoom
  readonly #client: TimelineServices

  constructor(room: TimelineRoom, client: TimelineServices, watched: () => void) {
    super(LIMIT, client.report, watched)
    this.#room = room
    this.#client = client
  }

  queued({ clientId, message, data, userId }: OutboxEntry): void {
    const chat = this.#client.settings.protocol?.chat
    // Shows the schema's output, as receivers will see it, but sends its input.
    const shown = chat && data ? validate(chat, data) : undefined
    const pending = {
      type: 'chat_message',
      room_id: this.#room.id,
      client_id: clientId,
      message,
      timestamp: new Date(this.#client.runtime.wallTime()).toISOString(),
      user_id: userId,
      data: shown?.ok ? shown.value : data,
    }
    this.pending(clientId, pending, {
      retry: () => this.#room.send(message, { data }),
      cancel: () => this.#client.outbox.cancel(clientId),
    })
  }

  /**
   * Shows a snapshot, unless the room is ahead of it: it may hold what has been erased since. `head` is the room's
   * position.
   */
  rendered(snapshot: Snapshot, head: Cursor = snapshot.cursor): void {
    const { epoch, offset } = snapshot.cursor
    this.received(epoch === head.epoch && offset >= head.offset ? this.read(snapshot) : [])
  }

  /** The messages of a snapshot, checked like those of a page. */
  read({ messages }: Snapshot): (Loggable | Place)[] {
    return this.#client.router.readPage(messages as readonly Entry[])
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
      this.placed(clientId, timestamp === undefined ? place : Object.assign(place, { timestamp }))
    }
  }
}
