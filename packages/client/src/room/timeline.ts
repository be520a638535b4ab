import type { Cursor } from '@roomful/protocol'
import type { RoomfulError } from '@roomful/protocol/wire'
import { type Observable, type Report, Value } from '../runtime/observable.js'

/** Properties that every message in a log has, and those that chat and own messages add. */
export interface Loggable {
  readonly type: string
  readonly id?: string | number | undefined
  readonly epoch?: string | undefined
  readonly offset?: number | undefined
  readonly client_id?: string | undefined
  readonly user_id?: unknown
  readonly through?: number | undefined
}

/** The type of the entry that says that a user's messages were erased. */
export const ERASED = 'messages_erased'

/**
 * The position of an entry that this client cannot read, because it is from a newer contract or violates its schema.
 * It is not shown.
 */
export class Place implements Loggable {
  constructor(
    readonly type: string,
    readonly id: string,
    readonly epoch: string,
    readonly offset: number,
  ) {}
}

export type TimelineEntry<M> =
  | ({
      readonly kind: 'message' /** Stable through all states. */
      readonly key: string
      readonly message: M
    } & EntryActions &
      MessageState)
  /** The entries above and below this one do not adjoin: `reason` says why. */
  | { readonly kind: 'break'; readonly key: string; readonly reason: string }

export type MessageState =
  | { readonly state: 'pending' | 'sent' }
  | { readonly state: 'failed'; readonly error: RoomfulError }
  /** It was in the log, but a failure of the server's storage removed it. */
  | { readonly state: 'lost' }

export interface EntryActions {
  /** Sends a failed message again, as a new one at the end. Returns false for any other message. */
  retry(): boolean
  /**
   * Takes back a message that was not transmitted yet, or dismisses a failed one. Returns false for any other
   * message.
   */
  cancel(): boolean
}

type MessageEntry<M> = Extract<TimelineEntry<M>, { kind: 'message' }>

/** Actions of the room on an own message. */
export interface OwnActions {
  /** Sends it again, as a new message. */
  retry(): void
  /** Returns false if it was already transmitted. */
  cancel(): boolean
}

interface Own<M> {
  readonly entry: MessageEntry<M>
  readonly actions: OwnActions
}

const NOTHING: readonly never[] = []

/**
 * A room's messages as a list to render: the entries of the log by offset, then own messages in flight. A failed
 * message stays after the entries that preceded it when it failed.
 */
export class Timeline<M extends Loggable> implements Observable<readonly TimelineEntry<M>[]> {
  readonly #changes: Value<number>
  readonly #limit: number
  /** Created on demand: a copy of all entries for each message would cost more than the message itself. */
  #snapshot: readonly TimelineEntry<M>[] | undefined
  #log: TimelineEntry<M>[] = []
  /** Pending messages by client id, in the order of sending, and failed ones that wait for those before them. */
  readonly #own = new Map<string, Own<M>>()
  /**
   * Entries of the log by their names, because a page may contain them again, and a retry may give them another
   * position.
   */
  readonly #byName = new Map<string, MessageEntry<M>>()
  /** Keys of own entries that an ack has placed and that no frame has shown yet. */
  readonly #unseen = new Set<string>()
  /** For each failed message, by key, the offset after which it stays. */
  readonly #anchors = new Map<string, number>()
  #mayHaveHoles = false
  #hasForked = false
  /** The entries of the log when the last join was sent. A frame that shows one again replaces it. */
  #beforeJoin = new WeakSet<TimelineEntry<M>>()
  /** The epoch of the current log. */
  #epoch: string | undefined
  #breaks = 0

  constructor(limit: number, report: Report, watched?: () => void) {
    this.#limit = limit
    this.#changes = new Value(0, report, watched)
  }

  get isWatched(): boolean {
    return this.#changes.isWatched
  }

  readonly get = (): readonly TimelineEntry<M>[] => {
    this.#snapshot ??= [
      ...this.#withHoles(this.#seenEnd()).filter((entry) => !isPlace(entry)),
      ...Array.from(this.#own.values(), ({ entry }) => entry),
    ]
    return this.#snapshot
  }

  readonly getInitial = (): readonly TimelineEntry<M>[] => NOTHING

  readonly subscribe: Observable<readonly TimelineEntry<M>[]>['subscribe'] = (listener) =>
    this.#changes.subscribe(() => listener(this.get()))

  /** Shows an own message before the server has it. */
  pending(clientId: string, message: M, actions: OwnActions): void {
    const entry = { ...this.#entry(clientId, message, { state: 'pending' }), cancel: () => actions.cancel() }
    this.#own.set(clientId, { entry, actions })
    this.#changed()
  }

  /** `head` is the offset that the log has reached. */
  failed(clientId: string, error: RoomfulError, head = 0): void {
    const own = this.#own.get(clientId)
    if (!own) return
    const { entry, actions } = own
    const failed = {
      ...this.#entry(clientId, entry.message, { state: 'failed', error }),
      retry: () => {
        const isFailed = this.removed(clientId)
        if (isFailed) actions.retry()
        return isFailed
      },
      cancel: () => this.removed(clientId),
    }
    this.#own.set(clientId, { entry: failed, actions })
    this.#anchorFailed(head)
    this.#trim()
    this.#changed()
  }

  /** Gives failed messages a position in the log once no message in flight precedes them. */
  #anchorFailed(head: number): void {
    for (const [clientId, { entry }] of this.#own) {
      if (entry.state !== 'failed') return
      this.#own.delete(clientId)
      const last = this.#log.at(-1)
      this.#anchors.set(entry.key, Math.max(head, last?.kind === 'message' ? this.#offsetOf(last) : 0))
      this.#log.push(entry)
      // If only the outcome was unknown, the log may still show the message.
      for (const name of namesOf(entry.message)) this.#byName.set(name, entry)
    }
  }

  /** The message was acknowledged, so it has a position, although its broadcast may not have arrived yet. */
  placed(clientId: string, place: Partial<M>): void {
    const own = this.#own.get(clientId)
    if (!own) return
    // First records that it is unseen, so that no break is shown while frames are only late.
    this.#unseen.add(own.entry.key)
    this.received([{ ...own.entry.message, ...place }])
  }

  /** Returns false if it was not in the list. */
  removed(clientId: string): boolean {
    const index = this.#log.findLastIndex((entry) => isFailed(entry) && entry.key === clientId)
    if (index < 0 && !this.#own.delete(clientId)) return false
    if (index >= 0) this.#forget(this.#log.splice(index, 1)[0])
    this.#anchorFailed(0)
    this.#changed()
    return true
  }

  /** Adds entries of the current log, live or older ones. */
  received(messages: readonly (M | Place)[]): void {
    for (const message of messages) {
      if (message.type === ERASED) this.#erase(message as M)
      this.#insert(message as M)
    }
    this.#trim()
    this.#changed()
  }

  /** The log has tombstones in the place of what the user had written. */
  #erase({ epoch, user_id, through = 0 }: M): void {
    for (const entry of this.#log) {
      if (entry.kind === 'break' || entry.state !== 'sent') continue
      const { message } = entry
      const isLater = message.epoch === epoch && (message.offset ?? 0) > through
      if (message.type === 'chat_message' && message.user_id === user_id && !isLater)
        this.#insert({ ...message, message: '', data: undefined, deleted: true })
    }
  }

  #trim(): void {
    while (this.#log.length > this.#limit) this.#forget(this.#log.shift())
    for (const [clientId, { entry }] of this.#own) {
      if (this.#own.size <= this.#limit) return
      if (entry.state === 'failed') this.#own.delete(clientId)
    }
  }

  /**
   * Adds a page of older entries only if it adjoins the entries shown; otherwise there would be an invisible hole.
   */
  prepended(messages: readonly (M | Place)[]): void {
    const lastBreak = this.#log.findLastIndex(({ kind }) => kind === 'break')
    const first = this.#log.slice(lastBreak + 1).find((entry) => !isFailed(entry))
    const end = messages.at(-1)?.offset
    const touches = first?.kind !== 'message' || (end ?? 0) + 1 >= (first.message.offset ?? 0)
    if (touches && end !== undefined) this.received(messages)
  }

  clear(): void {
    this.#log = []
    for (const names of [this.#own, this.#byName, this.#unseen, this.#anchors]) names.clear()
    this.#mayHaveHoles = false
    this.#changed()
  }

  broke(reason: string, head: Cursor | undefined): void {
    if (this.#log.length === 0) return
    this.#hasForked ||= reason === 'forked'
    this.#loseAfter(head)
    this.#markBreak(reason, head)
    this.#changed()
  }

  joining(): void {
    this.#beforeJoin = new WeakSet(this.#log)
  }

  /**
   * The room is live, and its log has reached `head`. Messages that were acknowledged before the join are in it, or
   * lost. Those that were acknowledged since may be newer than the answer.
   */
  joined(head: Cursor | undefined): void {
    this.#loseAfter(head, (entry) => this.#beforeJoin.has(entry))
    this.#changed()
  }

  /** The log has the same epoch and ends before these entries, so it does not contain them. */
  #loseAfter(head: Cursor | undefined, isCertain = (_: TimelineEntry<M>) => true): void {
    for (const [index, entry] of this.#log.entries()) {
      if (
        entry.kind === 'message' &&
        head &&
        entry.message.epoch === head.epoch &&
        (entry.message.offset ?? 0) > head.offset &&
        isCertain(entry)
      ) {
        this.#lose(index, entry)
      }
    }
  }

  /** The hole is before the entries that only acks have placed, unless their log has ended as well. */
  #markBreak(reason: string, head: Cursor | undefined): void {
    const end = this.#seenEnd()
    const unseen = this.#log[end]
    const goesOn = unseen?.kind === 'message' && unseen.message.epoch === head?.epoch
    if (!goesOn) this.#log = [...this.#withHoles(this.#log.length)]
    const index = goesOn ? end : this.#log.length
    const replaced = this.#log[index - 1]?.kind === 'break' ? 1 : 0
    this.#log.splice(index - replaced, replaced, { kind: 'break', key: `break-${++this.#breaks}`, reason })
  }

  /** The index after the last entry that a frame has shown, and after messages that failed there. */
  #seenEnd(): number {
    let end = this.#log.findLastIndex((entry) => !this.#unseen.has(entry.key) && !isFailed(entry)) + 1
    while (isFailed(this.#log[end])) end++
    return end
  }

  /** Adds breaks to the entries before `end`: acks may place own entries where nothing around them was shown. */
  #withHoles(end: number): readonly TimelineEntry<M>[] {
    if (!this.#mayHaveHoles) return this.#log
    const shown: TimelineEntry<M>[] = []
    let before: M | undefined
    for (const [index, entry] of this.#log.entries()) {
      const isSent = entry.kind === 'message' && entry.state === 'sent'
      if (index < end && isSent && before && isHole(before, entry.message))
        shown.push({ kind: 'break', key: `hole-${entry.key}`, reason: 'gap' })
      shown.push(entry)
      if (entry.kind === 'break') before = undefined
      else if (isSent && entry.message.epoch === this.#epoch) before = entry.message
    }
    this.#mayHaveHoles = shown.length > this.#log.length || end < this.#log.length
    return shown
  }

  #insert(message: M): void {
    const names = namesOf(message)
    const known = names.map((name) => this.#byName.get(name)).find((entry) => entry !== undefined)
    const own = this.#takeOwn(message)
    if (known && isPlace(known)) this.#unseen.delete(own?.key ?? '')
    if (known && (message as Loggable) instanceof Place) {
      // It is already shown as it was sent. This frame proves that the entries before it are not just late.
      this.#unseen.delete(known.key)
      return
    }
    const key = own?.key ?? known?.key ?? String(message.id ?? `live-${++this.#breaks}`)
    const entry = this.#entry(key, message, { state: 'sent' })
    this.#epoch = message.epoch
    // Replaces the entry where it is: a break may separate it by now from where its offset alone would put it.
    if (known && isSame(known.message, message)) this.#log[this.#log.lastIndexOf(known)] = entry
    else {
      if (known) this.#log.splice(this.#log.lastIndexOf(known), 1)
      this.#put(entry)
    }
    if (known) this.#forget(known)
    for (const name of names) this.#byName.set(name, entry)
    if (own) this.#anchorFailed(0)
  }

  #put(entry: MessageEntry<M>): void {
    const { message } = entry
    if (this.#hasForked) this.#loseWhatStoodAt(message)
    const index = this.#place(message)
    let last = index - 1
    while (isFailed(this.#log[last])) last--
    const before = this.#log[last]
    if (index < this.#log.length || (before?.kind === 'message' && isHole(before.message, message)))
      this.#mayHaveHoles = true
    // Another entry now has this offset: a failure of the storage removed the first one.
    if (before?.kind === 'message' && message.id !== undefined && before.message.offset === message.offset)
      this.#lose(last, before)
    this.#log.splice(index, 0, entry)
  }

  /** After a fork, an entry of the new log proves that the earlier entry at its offset is gone. */
  #loseWhatStoodAt({ epoch, offset, id }: M): void {
    for (const [index, entry] of this.#log.entries()) {
      if (entry.kind === 'break' || entry.state !== 'sent' || entry.message.id === id) continue
      if (entry.message.epoch === epoch && entry.message.offset === offset) this.#lose(index, entry)
    }
  }

  /**
   * Returns the own entry that the message settles. The user must match, because another user may have used the same
   * client id.
   */
  #takeOwn({ client_id = '', user_id }: M): MessageEntry<M> | undefined {
    const entry = this.#own.get(client_id)?.entry
    if (entry?.message.user_id !== undefined && entry.message.user_id !== user_id) return undefined
    this.#own.delete(client_id)
    return entry
  }

  /** The index after the last entry of the current segment whose offset is not higher. */
  #place({ offset }: M): number {
    let index = this.#log.length
    if (offset === undefined) return index
    for (; index > 0; index--) {
      const entry = this.#log[index - 1]
      if (entry?.kind !== 'message') break
      // A failed message stays after its entry, even if that entry arrives late.
      if (isFailed(entry) ? this.#offsetOf(entry) < offset : this.#offsetOf(entry) <= offset) break
    }
    return index
  }

  #offsetOf({ key, message }: MessageEntry<M>): number {
    return message.offset ?? this.#anchors.get(key) ?? 0
  }

  #lose(index: number, entry: MessageEntry<M>): void {
    this.#forget(entry)
    const lost = this.#entry(entry.key, entry.message, { state: 'lost' })
    this.#log[index] = lost
    // If it is sent again, it is still the same message and must not be shown twice.
    for (const name of namesOf(entry.message)) this.#byName.set(name, lost)
  }

  #forget(entry: TimelineEntry<M> | undefined): void {
    if (entry?.kind !== 'message') return
    for (const name of namesOf(entry.message)) this.#byName.delete(name)
    this.#unseen.delete(entry.key)
    this.#anchors.delete(entry.key)
  }

  #entry(key: string, message: M, state: MessageState): MessageEntry<M> {
    return { kind: 'message', key, message, ...state, retry: never, cancel: never }
  }

  #changed(): void {
    this.#snapshot = undefined
    this.#changes.set(this.#changes.get() + 1)
  }
}

const never = () => false

function isFailed(entry: TimelineEntry<Loggable> | undefined): boolean {
  return entry?.kind === 'message' && entry.state === 'failed'
}

function isPlace(entry: TimelineEntry<Loggable>): boolean {
  return entry.kind === 'message' && (entry.message instanceof Place || entry.message.type === ERASED)
}

function isHole(before: Loggable, after: Loggable): boolean {
  const { epoch, offset = 0 } = before
  return epoch === after.epoch && after.offset !== undefined && after.offset > offset + 1
}

function isSame(a: Loggable, b: Loggable): boolean {
  return a.id !== undefined && a.id === b.id && a.epoch === b.epoch
}

/** The names by which an entry is recognised: its id, and its sender's id for the message. */
function namesOf({ epoch, id, user_id, client_id }: Loggable): string[] {
  const names = id === undefined ? [] : [`${epoch} ${id}`]
  // No client id contains a line feed, so two users cannot produce the same name.
  if (typeof user_id === 'string' && client_id !== undefined) names.push(`${client_id}\n${user_id}`)
  return names
}
