import type { Cursor, Target } from '@roomful/protocol'
import type { RoomfulError } from '@roomful/protocol/wire'
import { type Observable, type Report, Value } from '../runtime/observable.js'
import { type Amendment, amended, isAmendment, newerOf, withoutVersion } from './amendment.js'
import { Covered } from './covered.js'
import { type Coverage, type Loggable, Place } from './loggable.js'
import type {
  MessageEntry,
  MessageState,
  OwnActions,
  TimelineEntry,
  TimelineFollower,
} from './timeline-entry.js'

type Entry = TimelineEntry<Loggable>
type Message = MessageEntry<Loggable>
type Page = readonly (Loggable | Place)[]

/** Nobody erases users but the server. */
export type OwnAmendment = Amendment & { readonly target: Target }

interface Own {
  readonly entry: Message
  readonly actions: OwnActions
}

const NOTHING: readonly never[] = []

/**
 * A room's messages as a list to render: the entries of the log by offset, then own messages in flight. A failed
 * message stays after the entries that preceded it when it failed.
 */
export class Timeline implements Observable<readonly Entry[]> {
  /** Shows reactions, and amendments by this user before the server has them; set by `chat()`. */
  follower: TimelineFollower | undefined
  readonly #changes: Value<number>
  readonly #limit: number
  /** Created on demand: a copy of all entries for each message would cost more than the message itself. */
  #snapshot: readonly Entry[] = NOTHING
  #isChanged = false
  #log: Entry[] = []
  /** Pending messages by client id, in the order of sending, and failed ones that wait for those before them. */
  readonly #own = new Map<string, Own>()
  /**
   * Entries of the log by their names, because a page may contain them again, and a retry may give them another
   * position.
   */
  readonly #byName = new Map<string, Message>()
  /** For each failed message, by key, the offset after which it stays. */
  readonly #anchors = new Map<string, number>()
  /** What arrived while a page was read: it may not contain that yet. One list for each page. */
  readonly #missed = new Set<Amendment[]>()
  /** The offsets of messages that may have been amended without that this page heard of it, and were not read again yet. */
  outdated: { readonly from: number; readonly before: number } | undefined
  /** Own amendments that were acknowledged, and whose frames have not arrived. */
  readonly #unseen = new Set<OwnAmendment>()
  #unseenBeforeJoin: readonly OwnAmendment[] = NOTHING
  #hasForked = false
  /**
   * Entries of which a page decides whether the log has them: those beyond the point of a fork, whose acks may be newer than
   * that, and those whose acks were late.
   */
  readonly #doubtful = new WeakSet<Entry>()
  /** The entries of the log when the last join was sent. A frame that shows one again replaces it. */
  #beforeJoin = new WeakSet<Entry>()
  /** The epoch of the current log. */
  #epoch: string | undefined
  /** The offsets of that log since the last break. An own entry that only an ack has placed is not among them. */
  #covered = new Covered()
  #breaks = 0
  #lastBreak: Entry | undefined

  constructor(limit: number, report: Report, watched?: () => void) {
    this.#limit = limit
    this.#changes = new Value(0, report, watched)
  }

  get isWatched(): boolean {
    return this.#changes.isWatched
  }

  readonly get = (): readonly Entry[] => {
    if (!this.#isChanged) return this.#snapshot
    this.#isChanged = false
    const own = Array.from(this.#own.values(), ({ entry }) => entry)
    const entries = [...this.#withHoles(this.#seenEnd()), ...own]
    const shown = this.follower?.show(entries) ?? entries
    // An amendment of a message that is not shown changes nothing to see.
    if (!areSame(shown, this.#snapshot)) this.#snapshot = shown
    return this.#snapshot
  }

  readonly getInitial = (): readonly Entry[] => NOTHING

  readonly subscribe: Observable<readonly Entry[]>['subscribe'] = (listener) => {
    let last = this.get()
    return this.#changes.subscribe(() => {
      const shown = this.get()
      if (shown === last) return
      last = shown
      listener(shown)
    })
  }

  /** Shows an own message before the server has it. */
  pending(clientId: string, message: Loggable, actions: OwnActions): void {
    const entry = { ...this.#entry(clientId, message, { state: 'pending' }), cancel: () => actions.cancel() }
    this.#own.set(clientId, { entry, actions })
    this.changed()
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
    this.changed()
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

  /**
   * What was sent has been acknowledged, so it has a position, although its broadcast may not have arrived yet. `head` is
   * the position of the room: what is not above it may have been amended or lost without that this page heard of it.
   */
  placed(clientId: string, place: Partial<Loggable>, head?: Cursor): void {
    const own = this.#own.get(clientId)
    if (!own) return
    const { epoch, offset = 0 } = place
    const entry = this.#insert({ ...own.entry.message, ...place })
    if (head && epoch === head.epoch && offset <= head.offset) {
      this.#doubtful.add(entry)
      this.#doubt(offset)
    }
    this.#trim()
    this.changed()
  }

  /** The message at this offset must be read again. */
  #doubt(offset: number): void {
    const { from = offset, before = 0 } = this.outdated ?? {}
    this.outdated = { from: Math.min(from, offset), before: Math.max(before, offset + 1) }
  }

  /** Returns false if it was not in the list. */
  removed(clientId: string): boolean {
    const index = this.#log.findLastIndex((entry) => isFailed(entry) && entry.key === clientId)
    if (index < 0 && !this.#own.delete(clientId)) return false
    if (index >= 0) this.#forget(this.#log.splice(index, 1)[0])
    this.#anchorFailed(0)
    this.changed()
    return true
  }

  /** Adds entries of the current log, live or older ones, and what their page covers. */
  received(entries: Page, page: Coverage = {}): void {
    const { epoch, covers } = page
    this.follower?.received(entries, page)
    if (covers) this.#cover(epoch, covers.from, covers.to)
    for (const entry of entries) {
      this.#cover(entry.epoch, entry.offset)
      if (entry instanceof Place) this.#displace(entry)
      else if (isAmendment(entry)) {
        this.#displace(entry)
        this.#amend(entry)
        for (const unseen of this.#unseen) if (unseen.id === entry.id) this.#unseen.delete(unseen)
        for (const missed of this.#missed) missed.push(entry)
      } else this.#insert(entry)
    }
    this.#trim()
    this.changed()
  }

  #cover(epoch: string | undefined, from: number | undefined, to = from): void {
    if (from === undefined || to === undefined) return
    if (epoch !== this.#epoch) this.#startLog(epoch)
    this.#covered.add(from, to)
  }

  #startLog(epoch: string | undefined): void {
    this.#epoch = epoch
    this.#covered = new Covered()
  }

  /** An own amendment was acknowledged. Its broadcast, which may be late, says what the server made of it. */
  acknowledged(amendment: OwnAmendment): void {
    const { offset } = amendment
    if (!this.#covered.has(offset, offset)) this.#unseen.add(amendment)
    this.#amend(amendment, offset - 1)
    this.changed()
  }

  #amend(amendment: Amendment, version?: number): void {
    const entries =
      amendment.type === 'messages_erased'
        ? [...this.#log]
        : [this.#byName.get(nameOf(amendment.epoch, amendment.target.id))]
    for (const entry of entries)
      if (isSent(entry)) this.#replace(entry, amended(entry.message, amendment, version))
  }

  #trim(): void {
    while (this.#log.length > this.#limit) {
      const oldest = this.#log.shift()
      this.#forget(oldest)
      // A page must not adjoin what is not shown any more.
      if (this.#isOfLog(oldest)) this.#covered.dropTo(this.#offsetOf(oldest))
    }
    for (const [clientId, { entry }] of this.#own) {
      if (this.#own.size <= this.#limit) return
      if (entry.state === 'failed') this.#own.delete(clientId)
    }
  }

  /**
   * Call this before a page of the entries before an offset is requested, and its result with that page, or with an empty
   * one.
   */
  expectPage(before?: number): (page: Page, coverage?: Coverage) => void {
    const missed: Amendment[] = []
    this.#missed.add(missed)
    return (page, coverage) => {
      // After a break, the page may be of the log before it.
      if (!this.#missed.delete(missed)) return
      this.prepended(page, coverage, missed)
      this.#decide(coverage, before)
    }
  }

  /** What is in doubt where a page accounts for everything, and which that does not have, is not in the log. */
  #decide({ epoch, covers, oldest_offset }: Coverage = {}, before: number | undefined): void {
    const from = covers?.from ?? oldest_offset
    if (epoch === undefined || from === undefined || before === undefined) return
    this.#loseAmong(this.#doubtful, epoch, from, before)
    this.changed()
  }

  /**
   * Adds the messages of a page only if it adjoins the entries shown; otherwise there would be an invisible hole. In any
   * case, those that are shown get the state in which the page has them.
   */
  prepended(page: Page, coverage: Coverage = {}, missed: readonly Amendment[] = []): void {
    const first = this.#log[this.#firstIndex()]
    const start = Math.min(
      this.#covered.start,
      this.#isOfLog(first) ? this.#offsetOf(first) : this.#covered.start,
    )
    const end = coverage.covers?.to ?? page.at(-1)?.offset
    if (end === undefined) return
    const touches = end + 1 >= start || start === Number.POSITIVE_INFINITY
    const isShown = (entry: Loggable) => namesOf(entry).some((name) => this.#byName.has(name))
    if (touches) this.received(page, coverage)
    else {
      this.follower?.received(page, coverage)
      for (const entry of page) if (isShown(entry) && !(entry instanceof Place)) this.#insert(entry)
    }
    this.received(missed)
  }

  clear(): void {
    this.#log = []
    for (const names of [this.#own, this.#byName, this.#anchors, this.#missed, this.#unseen]) names.clear()
    this.outdated = undefined
    this.#startLog(undefined)
    this.changed()
  }

  broke(reason: string, head: Cursor | undefined): void {
    this.#missed.clear()
    this.#unseen.clear()
    if (this.#log.length > 0) {
      if (reason === 'forked') this.#forked(head)
      this.#outdate(head)
      this.#markBreak(reason, head)
    }
    this.#startLog(head?.epoch)
    // The log goes on from there.
    if (head) this.#covered.add(head.offset + 1, head.offset)
    this.changed()
  }

  /** The log may have lost amendments, so versions mean nothing, and it may have lost what it had after `head`. */
  #forked(head: Cursor | undefined): void {
    this.#hasForked = true
    this.follower?.forked()
    for (const entry of this.#sentTo(head)) {
      const isDoubtful = this.#doubtful.has(entry) || this.#offsetOf(entry) > (head?.offset ?? 0)
      const current = this.#replace(entry, withoutVersion(entry.message))
      if (isDoubtful) this.#doubtful.add(current)
    }
  }

  /** What is shown of the log must be read again. */
  #outdate(head: Cursor | undefined): void {
    const offsets = this.#sentTo(head).map((entry) => this.#offsetOf(entry))
    this.outdated =
      offsets.length > 0 ? { from: Math.min(...offsets), before: Math.max(...offsets) + 1 } : undefined
  }

  #sentTo(log: Cursor | undefined): Message[] {
    return this.#log.filter((entry) => isSent(entry) && entry.message.epoch === log?.epoch) as Message[]
  }

  joining(): void {
    this.#beforeJoin = new WeakSet(this.#log)
    this.#unseenBeforeJoin = [...this.#unseen]
  }

  /**
   * The room is live, and its log has reached `head`. Messages that were acknowledged before the join are in it, or
   * lost. Those that were acknowledged since may be newer than the answer. An amendment that was acknowledged before, and
   * that nothing has shown by now, is lost as well.
   */
  joined(head: Cursor | undefined): void {
    this.follower?.joined()
    if (head) this.#loseAmong(this.#beforeJoin, head.epoch, head.offset + 1)
    // Joined without history: only a page that reaches this far adjoins what is to come.
    if (head && this.#covered.start === Number.POSITIVE_INFINITY)
      this.#cover(head.epoch, head.offset + 1, head.offset)
    for (const amendment of this.#unseenBeforeJoin)
      if (this.#unseen.delete(amendment)) this.#revert(amendment)
    this.#unseenBeforeJoin = NOTHING
    this.changed()
  }

  /** The log has lost an own amendment: its message is what it was. */
  #revert({ epoch, target }: OwnAmendment): void {
    const entry = this.#byName.get(nameOf(epoch, target.id))
    if (!isSent(entry)) return
    this.#replace(entry, withoutVersion(entry.message))
    this.#doubt(this.#offsetOf(entry))
  }

  /** The log of this epoch has none of these entries at the offsets from `from` to below `before`. */
  #loseAmong(entries: WeakSet<Entry>, epoch: string, from: number, before = Number.POSITIVE_INFINITY): void {
    for (const [index, entry] of this.#log.entries()) {
      if (!isSent(entry) || !entries.has(entry) || entry.message.epoch !== epoch) continue
      const offset = this.#offsetOf(entry)
      if (offset >= from && offset < before) this.#lose(index, entry)
    }
  }

  /** The hole is before the entries that only acks have placed in the log that goes on. */
  #markBreak(reason: string, head: Cursor | undefined): void {
    const fromEnd = head ? this.#log.length - this.#seenEnd(head.epoch) : 0
    // From now on, nothing is known of the offsets between them.
    this.#log = [...this.#withHoles(this.#log.length - fromEnd)]
    const index = this.#log.length - fromEnd
    const replaced = this.#log[index - 1]?.kind === 'break' ? 1 : 0
    this.#lastBreak = { kind: 'break', key: `break-${++this.#breaks}`, reason }
    this.#log.splice(index - replaced, replaced, this.#lastBreak)
  }

  /**
   * The index before the entries at the end that only acks have placed in the log of this epoch, and after messages that
   * failed there. An ack may be the first that is heard of a new log.
   */
  #seenEnd(epoch = this.#epoch): number {
    const end = epoch === this.#epoch ? this.#covered.end : 0
    const isLate = (entry: Entry) =>
      isSent(entry) && entry.message.epoch === epoch && (entry.message.offset ?? 0) > end
    let index = this.#log.findLastIndex((entry) => !isLate(entry) && !isFailed(entry)) + 1
    while (isFailed(this.#log[index])) index++
    return index
  }

  /** Adds breaks to the entries before `end`: acks may place own entries where nothing around them was shown. */
  #withHoles(end: number): readonly Entry[] {
    const first = this.#firstIndex()
    const last = this.#log.findLast((entry, index) => index < end && this.#isOfLog(entry))
    let before = this.#log[first]
    if (!this.#isOfLog(before) || !this.#isOfLog(last)) return this.#log
    if (this.#covered.has(this.#offsetOf(before), this.#offsetOf(last) - 1)) return this.#log
    const shown: Entry[] = []
    for (const [index, entry] of this.#log.entries()) {
      if (index > first && this.#isOfLog(entry)) {
        const isHole = !this.#covered.has(this.#offsetOf(before) + 1, this.#offsetOf(entry) - 1)
        if (isHole && index < end) shown.push({ kind: 'break', key: `hole-${entry.key}`, reason: 'gap' })
        before = entry
      }
      shown.push(entry)
    }
    return shown
  }

  /** The index of the first entry after the last break, or -1. */
  #firstIndex(): number {
    const lastBreak = this.#lastBreak ? this.#log.lastIndexOf(this.#lastBreak) : -1
    return this.#log.findIndex((entry, index) => index > lastBreak && this.#isOfLog(entry))
  }

  #isOfLog(entry: Entry | undefined): entry is Message {
    return isSent(entry) && entry.message.epoch === this.#epoch && entry.message.offset !== undefined
  }

  #insert(message: Loggable): Message {
    this.#displace(message)
    const names = namesOf(message)
    const known = names.map((name) => this.#byName.get(name)).find((entry) => entry !== undefined)
    const own = this.#takeOwn(message)
    const isSame =
      known?.message.id !== undefined &&
      known.message.id === message.id &&
      known.message.epoch === message.epoch
    const key = own?.key ?? known?.key ?? String(message.id ?? `live-${++this.#breaks}`)
    // What is lost was changed in a log that is gone, too.
    const state = isSame && isSent(known) ? newerOf(known.message, message) : message
    const entry = this.#entry(key, state, { state: 'sent' })
    // Replaces the entry where it is: a break may separate it by now from where its offset alone would put it.
    if (isSame) this.#log[this.#log.lastIndexOf(known)] = entry
    else {
      if (known) this.#log.splice(this.#log.lastIndexOf(known), 1)
      this.#log.splice(this.#place(message), 0, entry)
    }
    if (known) this.#forget(known)
    for (const name of names) this.#byName.set(name, entry)
    if (own) this.#anchorFailed(0)
    return entry
  }

  /** Puts a state of its message into the place of an entry, and returns that. */
  #replace(known: Message, message: Loggable): Message {
    if (message === known.message) return known
    const entry = this.#entry(known.key, message, { state: 'sent' })
    this.#log[this.#log.lastIndexOf(known)] = entry
    for (const name of namesOf(message)) this.#byName.set(name, entry)
    return entry
  }

  /** A failure of the storage removed what is shown at this offset, if it is another entry. */
  #displace({ epoch, offset, id }: Loggable): void {
    if (id === undefined) return
    // After a fork, that entry may be above a break.
    let index = this.#hasForked ? this.#log.length : this.#place({ epoch, offset })
    while (index-- > 0) {
      const entry = this.#log[index]
      const isOther =
        isSent(entry) &&
        entry.message.epoch === epoch &&
        entry.message.offset === offset &&
        entry.message.id !== id
      if (isOther) this.#lose(index, entry)
      if (!this.#hasForked && !isFailed(entry)) return
    }
  }

  /**
   * Returns the own entry that the message settles. The user must match, because another user may have used the same
   * client id.
   */
  #takeOwn({ client_id = '', user_id }: Loggable): Message | undefined {
    const entry = this.#own.get(client_id)?.entry
    if (entry?.message.user_id !== undefined && entry.message.user_id !== user_id) return undefined
    this.#own.delete(client_id)
    return entry
  }

  /** The index after the last entry of its log, in the current segment, whose offset is not higher. */
  #place({ epoch, offset }: Pick<Loggable, 'epoch' | 'offset'>): number {
    let index = this.#log.length
    if (offset === undefined) return index
    for (; index > 0; index--) {
      const entry = this.#log[index - 1]
      if (entry?.kind !== 'message' || (!isFailed(entry) && entry.message.epoch !== epoch)) break
      // A failed message stays after its entry, even if that entry arrives late.
      if (isFailed(entry) ? this.#offsetOf(entry) < offset : this.#offsetOf(entry) <= offset) break
    }
    return index
  }

  #offsetOf({ key, message }: Message): number {
    return message.offset ?? this.#anchors.get(key) ?? 0
  }

  #lose(index: number, entry: Message): void {
    this.#forget(entry)
    const lost = this.#entry(entry.key, entry.message, { state: 'lost' })
    this.#log[index] = lost
    // If it is sent again, it is still the same message and must not be shown twice.
    for (const name of namesOf(entry.message)) this.#byName.set(name, lost)
  }

  #forget(entry: Entry | undefined): void {
    if (entry?.kind !== 'message') return
    for (const name of namesOf(entry.message)) this.#byName.delete(name)
    this.#anchors.delete(entry.key)
  }

  #entry(key: string, message: Loggable, state: MessageState): Message {
    return { kind: 'message', key, message, ...state, retry: never, cancel: never }
  }

  /** What `get` returns may have changed. */
  changed(): void {
    this.#isChanged = true
    this.#changes.set(this.#changes.get() + 1)
  }
}

const never = () => false

function isSent(entry: Entry | undefined): entry is Message {
  return entry?.kind === 'message' && entry.state === 'sent'
}

function isFailed(entry: Entry | undefined): boolean {
  return entry?.kind === 'message' && entry.state === 'failed'
}

function areSame(some: readonly Entry[], others: readonly Entry[]): boolean {
  return some.length === others.length && some.every((entry, index) => entry === others[index])
}

function nameOf(epoch: unknown, id: unknown): string {
  return `${epoch} ${id}`
}

/** The names by which an entry is recognised: its id, and its sender's id for the message. */
function namesOf({ epoch, id, user_id, client_id }: Loggable): string[] {
  const names = id === undefined ? [] : [nameOf(epoch, id)]
  // No client id contains a line feed, so two users cannot produce the same name.
  if (typeof user_id === 'string' && client_id !== undefined) names.push(`${client_id}\n${user_id}`)
  return names
}
