import type { Cursor } from '@roomful/protocol'
import type { RoomfulError } from '@roomful/protocol/wire'
import { type Observable, type Report, Value } from '../runtime/observable.js'

/** What every message of a log has, and what chat and own messages add. */
export interface Loggable {
  readonly type: string
  readonly id?: string | number | undefined
  readonly epoch?: string | undefined
  readonly offset?: number | undefined
  readonly client_id?: string | undefined
  readonly user_id?: unknown
}

/** Where an entry stands that this client cannot read: of a newer contract, or not as its schema says. It is not shown. */
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
  /** What stood above is not continued below: `reason` says why. */
  | { readonly kind: 'break'; readonly key: string; readonly reason: string }

export type MessageState =
  | { readonly state: 'pending' | 'sent' }
  | { readonly state: 'failed'; readonly error: RoomfulError }
  /** Was in the log, but a failure of the server's storage took it away. */
  | { readonly state: 'lost' }

export interface EntryActions {
  /** Sends a failed message again, as a new one at the end. Returns false for any other. */
  retry(): boolean
  /** Takes back a message that was not transmitted yet, or puts away a failed one. Returns false for any other. */
  cancel(): boolean
}

type MessageEntry<M> = Extract<TimelineEntry<M>, { kind: 'message' }>

/** What a room can do with an own message. */
export interface OwnActions {
  /** Sends it again as a new one. */
  retry(): void
  /** Returns false if it was transmitted already. */
  cancel(): boolean
}

interface Own<M> {
  readonly entry: MessageEntry<M>
  readonly actions: OwnActions
}

const NOTHING: readonly never[] = []

/**
 * A room's messages as a list to render: those in the log by offset, then the own ones that are under way. One that
 * failed stays behind what stood before it then.
 */
export class Timeline<M extends Loggable> implements Observable<readonly TimelineEntry<M>[]> {
  readonly #changes: Value<number>
  readonly #limit: number
  /** Made when it is asked for: a copy of all entries for each message would cost more than the message. */
  #snapshot: readonly TimelineEntry<M>[] | undefined
  #log: TimelineEntry<M>[] = []
  /** Pending ones by client id, in the order in which they were sent, and failed ones that wait for those before them. */
  readonly #own = new Map<string, Own<M>>()
  /** Entries of the log by their names: a page may bring them again, and a retry to another place. */
  readonly #byName = new Map<string, MessageEntry<M>>()
  /** Keys of own entries that an ack has placed and no frame has shown yet. */
  readonly #unseen = new Set<string>()
  /** The offsets behind which failed ones stand, by their keys. */
  readonly #anchors = new Map<string, number>()
  #mayHaveHoles = false
  #hasForked = false
  /** Of the present log. */
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

  /** Failed ones that nothing under way stands before get their place in the log. */
  #anchorFailed(head: number): void {
    for (const [clientId, { entry }] of this.#own) {
      if (entry.state !== 'failed') return
      this.#own.delete(clientId)
      const last = this.#log.at(-1)
      this.#anchors.set(entry.key, Math.max(head, last?.kind === 'message' ? this.#offsetOf(last) : 0))
      this.#log.push(entry)
      // The log may show it all the same, where only its outcome was unknown.
      for (const name of namesOf(entry.message)) this.#byName.set(name, entry)
    }
  }

  /** Acknowledged: the message has its place, although its broadcast may still be out. */
  placed(clientId: string, place: Partial<M>): void {
    const own = this.#own.get(clientId)
    if (!own) return
    // Known to be unseen first, so that no break is shown where frames are only late.
    this.#unseen.add(own.entry.key)
    this.received([{ ...own.entry.message, ...place }])
  }

  /** Returns false if it was not there. */
  removed(clientId: string): boolean {
    const index = this.#log.findLastIndex((entry) => isFailed(entry) && entry.key === clientId)
    if (index < 0 && !this.#own.delete(clientId)) return false
    if (index >= 0) this.#forget(this.#log.splice(index, 1)[0])
    this.#anchorFailed(0)
    this.#changed()
    return true
  }

  /** Entries of the present log, live or from its past. */
  received(messages: readonly (M | Place)[]): void {
    for (const message of messages) this.#insert(message as M)
    this.#trim()
    this.#changed()
  }

  #trim(): void {
    while (this.#log.length > this.#limit) this.#forget(this.#log.shift())
    for (const [clientId, { entry }] of this.#own) {
      if (this.#own.size <= this.#limit) return
      if (entry.state === 'failed') this.#own.delete(clientId)
    }
  }

  /** A page of the past joins only what it touches, else there would be a hole that nobody sees. */
  prepended(messages: readonly (M | Place)[]): void {
    const first = this.#log.slice(this.#lastBreak() + 1).find((entry) => !isFailed(entry))
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
    for (const [index, entry] of this.#log.entries()) {
      // The new log of the same epoch ends before it, so it is not in there.
      if (
        entry.kind === 'message' &&
        head &&
        entry.message.epoch === head.epoch &&
        (entry.message.offset ?? 0) > head.offset
      ) {
        this.#lose(index, entry)
      }
    }
    this.#markBreak(reason, head)
    this.#changed()
  }

  /** The hole is before what only acks have placed, unless their log has ended as well. */
  #markBreak(reason: string, head: Cursor | undefined): void {
    const end = this.#seenEnd()
    const unseen = this.#log[end]
    const goesOn = unseen?.kind === 'message' && unseen.message.epoch === head?.epoch
    if (!goesOn) this.#log = [...this.#withHoles(this.#log.length)]
    const index = goesOn ? end : this.#log.length
    const replaced = this.#log[index - 1]?.kind === 'break' ? 1 : 0
    this.#log.splice(index - replaced, replaced, { kind: 'break', key: `break-${++this.#breaks}`, reason })
  }

  /** Behind the last entry that a frame has shown, and what failed there. */
  #seenEnd(): number {
    let end = this.#log.findLastIndex((entry) => !this.#unseen.has(entry.key) && !isFailed(entry)) + 1
    while (isFailed(this.#log[end])) end++
    return end
  }

  /** Own entries may be placed where nothing around them was shown: the present log then has breaks of its own, up to `end`. */
  #withHoles(end: number): readonly TimelineEntry<M>[] {
    if (!this.#mayHaveHoles) return this.#log
    const shown: TimelineEntry<M>[] = []
    let before: M | undefined
    for (const [index, entry] of this.#log.entries()) {
      if (index < end && entry.kind === 'message' && before && isHole(before, entry.message))
        shown.push({ kind: 'break', key: `hole-${entry.key}`, reason: 'gap' })
      shown.push(entry)
      if (entry.kind === 'break') before = undefined
      else if (entry.state === 'sent' && entry.message.epoch === this.#epoch) before = entry.message
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
      // Shown already from what was sent, and now known to be followed by nothing that is only late.
      this.#unseen.delete(known.key)
      return
    }
    const key = own?.key ?? known?.key ?? String(message.id ?? `live-${++this.#breaks}`)
    const entry = this.#entry(key, message, { state: 'sent' })
    this.#epoch = message.epoch
    // In its place, which a break may separate by now from where the offset alone would put it.
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
    // The same offset given to another entry: a failure of the storage took the first one away.
    if (before?.kind === 'message' && message.id !== undefined && before.message.offset === message.offset)
      this.#lose(last, before)
    this.#log.splice(index, 0, entry)
  }

  /** After a fork, what the log has at an offset proves that what was there before is gone. */
  #loseWhatStoodAt({ epoch, offset, id }: M): void {
    for (const [index, entry] of this.#log.entries()) {
      if (entry.kind === 'break' || entry.state !== 'sent' || entry.message.id === id) continue
      if (entry.message.epoch === epoch && entry.message.offset === offset) this.#lose(index, entry)
    }
  }

  /** The own entry that the message settles. Another user may have used the same client id. */
  #takeOwn({ client_id = '', user_id }: M): MessageEntry<M> | undefined {
    const entry = this.#own.get(client_id)?.entry
    if (entry?.message.user_id !== undefined && entry.message.user_id !== user_id) return undefined
    this.#own.delete(client_id)
    return entry
  }

  /** Behind the last entry of the present segment whose offset is not higher. */
  #place({ offset }: M): number {
    let index = this.#log.length
    if (offset === undefined) return index
    for (; index > 0; index--) {
      const entry = this.#log[index - 1]
      if (entry?.kind !== 'message') break
      // What failed behind an entry stays behind it when that one comes late.
      if (isFailed(entry) ? this.#offsetOf(entry) < offset : this.#offsetOf(entry) <= offset) break
    }
    return index
  }

  #offsetOf({ key, message }: MessageEntry<M>): number {
    return message.offset ?? this.#anchors.get(key) ?? 0
  }

  #lastBreak(): number {
    return this.#log.findLastIndex(({ kind }) => kind === 'break')
  }

  #lose(index: number, entry: MessageEntry<M>): void {
    this.#forget(entry)
    const lost = this.#entry(entry.key, entry.message, { state: 'lost' })
    this.#log[index] = lost
    // Sent again it is the same message, and not to be shown twice.
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
  return entry.kind === 'message' && entry.message instanceof Place
}

function isHole(before: Loggable, after: Loggable): boolean {
  const { epoch, offset = 0 } = before
  return epoch === after.epoch && after.offset !== undefined && after.offset > offset + 1
}

/** No `client_id` holds a line feed: with a space, one user could take another's message out of the list. */
function isSame(a: Loggable, b: Loggable): boolean {
  return a.id !== undefined && a.id === b.id && a.epoch === b.epoch
}

/** By which an entry is known again: its id, and its sender's id of the message. */
function namesOf({ epoch, id, user_id, client_id }: Loggable): string[] {
  const names = id === undefined ? [] : [`${epoch} ${id}`]
  // No client id holds a line feed, so that two users cannot have one name.
  if (typeof user_id === 'string' && client_id !== undefined) names.push(`${client_id}\n${user_id}`)
  return names
}
