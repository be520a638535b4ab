import type { JsonObject, ServerMessage, ServerMessageOf, Target } from '@roomful/protocol'
import { RoomfulError } from '@roomful/protocol/wire'
import { checkCall } from '../options/check-options.js'
import type { Draft, DraftFields, OutboxEntry } from '../options/stored-outbox.js'
import type { SendResult } from '../outbox/outbox.js'
import type { Sent } from '../outbox/outbox-driver.js'
import type { Coverage, Loggable, Place } from '../room/loggable.js'
import type { Amendments, RoomCore } from '../room/room.js'
import type { MessageReference } from '../room/room-api.js'
import type { OwnAmendment } from '../room/timeline.js'
import type { TimelineEntry, TimelineFollower } from '../room/timeline-entry.js'
import * as strings from '../runtime/strings.js'
import { OwnAmendments } from './own-amendments.js'
import { Reactions } from './reactions.js'
import { RoomReading } from './room-reading.js'

/** Users who reacted to a message in one way, in the order in which they did. */
export interface ReactionUsers {
  readonly users: readonly string[]
  /** Whether there are further ones. */
  readonly more: boolean
  /** The next page. */
  next(): Promise<ReactionUsers>
}

/**
 * Sends this user's edits, deletions and reactions by the room's outbox, and shows in its timeline what becomes of them and
 * of the reactions of others.
 */
export class RoomChat implements Amendments, TimelineFollower {
  readonly #room: RoomCore
  readonly #own = new OwnAmendments()
  readonly #reactions: Reactions
  /** Created when it is first used: an application that only edits asks for nothing. */
  #reading: RoomReading | undefined

  constructor(room: RoomCore) {
    this.#room = room
    this.#reactions = new Reactions(room)
    if (room.timeline) room.timeline.follower = this
    for (const entry of this.#waiting()) this.queued(entry)
  }

  get messages(): RoomCore['timeline'] {
    this.#reactions.watch()
    return this.#room.timeline
  }

  received(entries: readonly (Loggable | Place)[], page: Coverage): void {
    this.#reactions.received(entries, page)
  }

  joined(): void {
    this.#reactions.joined()
  }

  forked(): void {
    this.#reactions.forked()
  }

  show(entries: readonly TimelineEntry<Loggable>[]): readonly TimelineEntry<Loggable>[] {
    return this.#reactions.show(this.#own.show(entries, (id) => this.#dismiss(id)))
  }

  // What applications call may be taken from the object, as its observables may.
  readonly react = (message: MessageReference, reaction: string): Sent =>
    this.#react(message, reaction, 'add_reaction')

  readonly unreact = (message: MessageReference, reaction: string): Sent =>
    this.#react(message, reaction, 'remove_reaction')

  /** What was not transmitted yet and says the opposite is taken back; if nothing is left to say then, nothing is sent. */
  #react(message: MessageReference, reaction: string, type: 'add_reaction' | 'remove_reaction'): Sent {
    const { outbox } = this.#room
    const method = type === 'add_reaction' ? 'chat.react' : 'chat.unreact'
    if (typeof reaction !== 'string') throw new TypeError(strings.noText(method))
    const { fields, amends: name } = draftFor(message, method, type)
    const amends = outbox.waitingAs(name) ?? this.#placeOf(name)?.id ?? name
    const unsent = this.#unsent(amends, (entry) => entry.fields?.reaction === reaction)
    if (unsent?.fields?.type === type) return outbox.sentOf(unsent)
    const isCancelled = unsent && outbox.cancel(unsent.clientId)
    const isOn = this.#reactions.isOn(this.#messageOf(amends), amends, reaction)
    if (isCancelled && isOn === (type === 'add_reaction')) return nothingSent(unsent.clientId)
    return this.submit({ message: '', fields: { ...fields, reaction }, amends: name })
  }

  readonly reactions = async (
    { id = '', offset = 0 }: MessageReference,
    reaction: string,
    { limit, after }: { readonly limit?: number | undefined; readonly after?: number | undefined } = {},
  ): Promise<ReactionUsers> => {
    const request = { type: 'reactions', target: { offset, id }, reaction, limit, after }
    const { users, more, next } = (await this.#room.ask(request)) as ServerMessageOf<'reactions'>
    return { users, more, next: () => this.reactions({ id, offset }, reaction, { limit, after: next }) }
  }

  readonly edit = (
    message: MessageReference,
    text: string,
    options: { readonly data?: JsonObject | undefined } = {},
  ): Sent => {
    checkCall('chat.edit', options)
    if (typeof text !== 'string') throw new TypeError(strings.noText('chat.edit'))
    return this.submit({
      message: text,
      data: options.data,
      ...draftFor(message, 'chat.edit', 'edit_message'),
    })
  }

  readonly markRead = (message?: MessageReference & { readonly epoch?: string | undefined }): void => {
    const { id, offset, epoch = this.#room.head?.epoch } = message ?? this.#room.head ?? {}
    if (id !== undefined && offset !== undefined && epoch !== undefined)
      this.reading.markRead({ epoch, offset, id })
  }

  get reading(): RoomReading {
    this.#reading ??= new RoomReading(this.#room)
    return this.#reading
  }

  get unread() {
    return this.reading.unread
  }

  get mentions() {
    return this.reading.mentions
  }

  get mark() {
    return this.reading.mark
  }

  get marks() {
    return this.reading.marks
  }

  readonly delete = (message: MessageReference): Sent => {
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
    const last = this.#unsent(amends)
    if (last?.fields?.type === 'delete_message' && fields?.type !== 'delete_message')
      return outbox.refuse(roomId, draft, new RoomfulError('deleted'))
    const unsent = isReaction(draft) ? undefined : this.#unsent(amends, (entry) => !isReaction(entry))
    return unsent ? this.#replace(unsent, draft) : outbox.submit(roomId, draft)
  }

  /** The last entry about a message, the message itself included, that was not transmitted yet. */
  #unsent(amends: string, which = (_: OutboxEntry) => true): OutboxEntry | undefined {
    return this.#waiting().findLast(
      (entry) =>
        entry.doubtSince === undefined && (entry.amends ?? entry.clientId) === amends && which(entry),
    )
  }

  #messageOf(name: string): Loggable | undefined {
    const entry = this.#room.timeline
      ?.get()
      .find((one) => one.kind === 'message' && (one.message.id === name || one.key === name))
    return entry?.kind === 'message' ? entry.message : undefined
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
    if (isReaction(entry)) {
      this.#reactions.queued(entry)
      timeline.changed()
      return
    }
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
    if (isReaction(entry)) this.#reactions.settled(entry, outcome)
    else if (!(outcome instanceof RoomfulError)) this.#placed(entry, outcome, timestamp)
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

  heard(message: Loggable): void {
    this.#reading?.heard(message)
  }

  told(message: ServerMessage): void {
    this.#reading?.received(message)
  }

  clear(): void {
    this.#own.clear()
    this.#reactions.clear()
    this.#reading?.clear()
  }
}

function isReaction({ fields }: Pick<Draft, 'fields'>): boolean {
  return fields?.reaction !== undefined
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
