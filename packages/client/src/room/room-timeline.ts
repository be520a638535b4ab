import { RoomfulError, validate } from '@roomful/protocol/wire'
import type { Outgoing, SendResult } from '../outbox/outbox.js'
import type { Host, RoomCore } from './room.js'
import { type Loggable, Timeline } from './timeline.js'

/** Entries that a timeline keeps; the oldest go first. */
const LIMIT = 5_000

/** A room's timeline, which shows the own messages before the server has them. */
export class RoomTimeline extends Timeline<Loggable> {
  readonly #room: RoomCore
  readonly #host: Host

  constructor(room: RoomCore, host: Host) {
    super(LIMIT, host.report, () => host.use(room))
    this.#room = room
    this.#host = host
  }

  queued({ clientId, message, data, userId }: Outgoing): void {
    const chat = this.#host.settings.protocol?.chat
    // Shown as its receivers will get it; sent as it was given.
    const shown = chat && data ? validate(chat, data) : undefined
    const pending = {
      type: 'chat_message',
      room_id: this.#room.id,
      client_id: clientId,
      message,
      timestamp: new Date(this.#host.runtime.wallTime()).toISOString(),
      user_id: userId,
      data: shown?.ok ? shown.value : data,
    }
    this.pending(clientId, pending, {
      retry: () => this.#room.send(message, { data }),
      cancel: () => this.#host.sender.cancel(clientId),
    })
  }

  settled({ clientId }: Outgoing, outcome: SendResult | RoomfulError, timestamp: string | undefined): void {
    if (outcome instanceof RoomfulError) {
      if (outcome.code === 'cancelled') this.removed(clientId)
      else this.failed(clientId, outcome, this.#room.head?.offset)
    } else if (outcome.durability === 'none') this.removed(clientId)
    else {
      const { id, epoch, offset } = outcome
      const place: Partial<Loggable> = { id, epoch, offset, user_id: this.#host.link.user.get() }
      this.placed(clientId, timestamp === undefined ? place : Object.assign(place, { timestamp }))
    }
  }
}
