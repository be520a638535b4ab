import type { JsonObject, Target } from '@roomful/protocol'
import { RoomfulError } from '@roomful/protocol/wire'
import { checkCall } from '../options/check-options.js'
import type { Draft, DraftFields, OutboxEntry } from '../options/stored-outbox.js'
import type { SendResult } from '../outbox/outbox.js'
import type { Sent } from '../outbox/outbox-driver.js'
import type { Amendments, RoomCore } from '../room/room.js'
import type { MessageReference } from '../room/room-api.js'
import type { OwnAmendment } from '../room/timeline.js'
import * as strings from '../runtime/strings.js'
import { OwnAmendments } from './own-amendments.js'

/** Sends this user's edits and deletions by the room's outbox, and shows in its timeline what becomes of them. */
export class RoomChat implements Amendments {
  readonly #room: RoomCore
  readonly #own = new OwnAmendments()

  constructor(room: RoomCore) {
    this.#room = room
    if (room.timeline) room.timeline.overlay = (entries) => this.#own.show(entries, (id) => this.#dismiss(id))
    for (const entry of this.#waiting()) this.queued(entry)
  }

  edit(
    message: MessageReference,
    text: string,
    options: { readonly data?: JsonObject | undefined } = {},
  ): Sent {
    checkCall('chat.edit', options)
    if (typeof text !== 'string') throw new TypeError(strings.noText('chat.edit'))
    return this.submit({
      message: text,
      data: options.data,
      ...draftFor(message, 'chat.edit', 'edit_message'),
    })
  }

  delete(message: MessageReference): Sent {
    const draft = draftFor(message, 'chat.delete', 'delete_message')
    const shown = this.#shown(draft.amends)
    const isTakenBack = shown?.state === 'failed' ? shown.cancel() : this.#room.outbox.cancel(draft.amends)
    return isTakenBack ? nothingSent(draft.amends) : this.submit({ message: '', ...draft })
  }

  /** @param draft an amendment, which has a client id if it was sent before and failed */
  submit({ message, data, fields, amends: name = '', clientId = '' }: Draft & Partial<OutboxEntry>): Sent {
    this.#own.take(clientId)
    const { outbox, id: roomId } = this.#room
    // Until the message has its ack, all its amendments wait for that, in order.
    const waiting = outbox.waitingAs(name)
    // The application may have kept its message since before the acknowledgement.
    const target = waiting === undefined ? (fields?.target ?? this.#placeOf(name)) : undefined
    const amends = waiting ?? target?.id ?? name
    const draft: Draft = { message, data, fields: { ...fields, target }, amends }
    const error = this.#room.fault(draft) ?? (target || this.#isWaiting(amends) ? undefined : this.#unknown())
    if (error) return outbox.refuse(roomId, draft, error)
    const unsent = this.#waiting().findLast(
      (entry) => entry.doubtSince === undefined && (entry.amends ?? entry.clientId) === amends,
    )
    if (unsent?.fields?.type === 'delete_message' && fields?.type !== 'delete_message')
      return outbox.refuse(roomId, draft, new RoomfulError('deleted'))
    return unsent ? this.#replace(unsent, draft) : outbox.submit(roomId, draft)
  }

  /** Sends a draft in the place of what was not transmitted yet: an earlier amendment, or the message itself. */
  #replace(unsent: OutboxEntry, draft: Draft): Sent {
    const { outbox, id: roomId } = this.#room
    const { message, data } = draft
    const fields = unsent.amends === undefined ? unsent.fields : draft.fields
    const sent = outbox.sentOf(unsent)
    try {
      outbox.put({ ...unsent, message, data, fields })
      return sent
    } catch (error) {
      return outbox.refuse(roomId, draft, error as RoomfulError)
    }
  }

  #placeOf(key: string): Target | undefined {
    const { id, offset } = (this.#shown(key)?.message ?? {}) as MessageReference
    return id === undefined || offset === undefined ? undefined : { offset, id }
  }

  #shown(key: string) {
    const entry = this.#room.timeline?.get().find((one) => one.key === key)
    return entry?.kind === 'message' ? entry : undefined
  }

  #waiting(): readonly OutboxEntry[] {
    return this.#room.outbox.entriesOf(this.#room.id)
  }

  /** A server without amendments gives its messages neither ids nor client ids. */
  #unknown(): RoomfulError {
    return new RoomfulError(this.#room.isBase ? 'unsupported' : 'not_found')
  }

  #isWaiting(clientId: string): boolean {
    return this.#waiting().some((entry) => entry.clientId === clientId)
  }

  queued(entry: OutboxEntry): void {
    const { clientId, amends, fields } = entry
    const { outbox, timeline } = this.#room
    if (amends === undefined) return
    // An earlier page left it, and its message is gone.
    const isOrphan = !fields?.target && !this.#isWaiting(amends)
    if ((isOrphan && outbox.cancel(clientId)) || !timeline) return
    const type = fields?.type === 'edit_message' ? 'message_edited' : 'message_deleted'
    this.#own.add(clientId, {
      target: amends,
      change: { ...timeline.written(entry), type },
      actions: { retry: () => this.submit(entry), cancel: () => outbox.cancel(clientId) },
    })
    timeline.changed()
  }

  settled(entry: OutboxEntry, outcome: SendResult | RoomfulError, timestamp: string | undefined): void {
    if (entry.amends === undefined) return
    if (!(outcome instanceof RoomfulError)) this.#placed(entry, outcome, timestamp)
    else if (outcome.code === 'cancelled') this.#own.take(entry.clientId)
    else this.#own.fail(entry.clientId, outcome)
    this.#room.timeline?.changed()
  }

  /** The server's broadcast may be late, and must not show the old text meanwhile. */
  #placed({ clientId, fields }: OutboxEntry, place: SendResult, timestamp: string | undefined): void {
    const own = this.#own.take(clientId)
    if (!own) return
    const { type, timestamp: at } = own.change
    const amendment = { ...own.change, ...place, ...fields, type, timestamp: timestamp ?? at }
    this.#room.timeline?.acknowledged(amendment as unknown as OwnAmendment)
  }

  #dismiss(clientId: string): boolean {
    const own = this.#own.take(clientId)
    this.#room.timeline?.changed()
    return own !== undefined
  }

  clear(): void {
    this.#own.clear()
  }
}

function draftFor(message: MessageReference, method: string, type: DraftFields['type'] & string) {
  // Not every caller is compiled.
  if (typeof message !== 'object' || message === null) throw new TypeError(strings.noMessage(method))
  const { id, offset, clientId, client_id = clientId ?? '' } = message
  const target = id === undefined || offset === undefined ? undefined : { offset, id }
  return { fields: { type, target }, amends: id ?? client_id }
}

/** The outcome for a message that is gone before it was ever sent. */
function nothingSent(clientId: string): Sent {
  const result = Promise.resolve({ durability: 'none' } as const)
  const sent: Sent = {
    clientId,
    state: 'sent',
    retry: () => sent,
    cancel: () => false,
    // biome-ignore lint/suspicious/noThenProperty: it is awaited like any other
    then: (resolved, rejected) => result.then(resolved, rejected),
    catch: () => result,
  }
  return sent
}
