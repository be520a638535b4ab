import type { Cursor } from '@roomful/protocol'
import type { OutboxEntry } from '../options/stored-outbox.js'
import type { SendResult } from '../outbox/outbox.js'
import type { Coverage, Loggable, Place } from '../room/loggable.js'
import type { RoomTimeline } from '../room/room-timeline.js'
import type { MessageEntry, TimelineEntry } from '../room/timeline-entry.js'
import { hasReacted, OwnReactions, shownReactions } from './own-reactions.js'
import { ReactionCounts, type ReactionState } from './reaction-counts.js'

type Entry = TimelineEntry<Loggable>

/** The part of its room that this needs. */
interface ReactedRoom {
  readonly timeline: Pick<RoomTimeline, 'get' | 'outdated' | 'readAgain'> | undefined
  readonly head: Pick<Cursor, 'epoch' | 'offset'> | undefined
  readonly user: string | undefined
}

interface Shown {
  readonly state: ReactionState | undefined
  readonly waiting: string
  readonly entry: Entry
}

/** Shows the reactions to the messages of a timeline: those that are counted, and the user's own at once. */
export class Reactions {
  readonly #room: ReactedRoom
  readonly #counts: ReactionCounts
  readonly #own = new OwnReactions()
  /** What was made of an entry, so that what has not changed stays the same object. */
  #shown = new WeakMap<Entry, Shown>()
  /** The messages that were shown before anybody counted: what has happened to them since is not known. */
  #uncounted: { readonly from: number; readonly before: number } | undefined

  constructor(room: ReactedRoom) {
    this.#room = room
    this.#counts = new ReactionCounts(() => room.user)
    const offsets: number[] = []
    for (const entry of room.timeline?.get() ?? []) {
      if (entry.kind === 'break' || entry.message.offset === undefined) continue
      this.#counts.shown(entry.message)
      offsets.push(entry.message.offset)
    }
    if (offsets.length > 0) this.#uncounted = { from: Math.min(...offsets), before: Math.max(...offsets) + 1 }
  }

  /** Reads again what was not counted, once. */
  watch(): void {
    const { timeline } = this.#room
    if (!timeline || !this.#uncounted) return
    timeline.outdated ??= this.#uncounted
    this.#uncounted = undefined
    void timeline.readAgain()
  }

  received(entries: readonly (Loggable | Place)[], page: Coverage): void {
    this.#counts.received(entries, page)
  }

  joined(): void {
    this.#own.forgetPlaced()
  }

  forked(): void {
    this.#counts.forked()
    this.#own.forgetPlaced()
  }

  queued(entry: OutboxEntry): void {
    this.#own.add(entry)
  }

  settled({ clientId }: OutboxEntry, outcome: SendResult | Error): void {
    if ('offset' in outcome && outcome.offset !== undefined) this.#own.placed(clientId, outcome)
    else this.#own.remove(clientId)
  }

  /** Whether the user reacts so to a message, as far as it is known. */
  isOn(message: Loggable | undefined, name: string, reaction: string): boolean | undefined {
    return hasReacted(message && this.#counts.of(message), this.#own.to([message?.id, name]), reaction)
  }

  clear(): void {
    this.#counts.clear()
    this.#own.clear()
    this.#uncounted = undefined
  }

  show(entries: readonly Entry[]): readonly Entry[] {
    this.#own.settle(this.#room.head)
    if (this.#counts.size > 2 * entries.length + FEW)
      this.#counts.keep(entries.flatMap((entry) => (entry.kind === 'message' ? entry.message : [])))
    return entries.map((entry) => (entry.kind === 'message' ? this.#show(entry) : entry))
  }

  #show(entry: MessageEntry<Loggable>): Entry {
    const { key, message } = entry
    const { reactions = NONE, deleted } = message as { reactions?: readonly unknown[]; deleted?: boolean }
    const state = this.#counts.of(message)
    const waiting = this.#own.to([message.id, key])
    const isPlain = reactions.length + waiting.length + (state?.counts.length ?? 0) === 0
    if (deleted || isPlain || (!state && waiting.length === 0)) return entry
    const known = this.#shown.get(entry)
    const names = waiting.map(({ reaction, isAdded }) => `${isAdded}${reaction}`).join()
    if (known?.state === state && known?.waiting === names) return known.entry
    const counted = shownReactions(state ?? { counts: [], own: [] }, waiting)
    const shown = { ...entry, message: { ...message, reactions: counted.length > 0 ? counted : undefined } }
    this.#shown.set(entry, { state, waiting: names, entry: shown })
    return shown
  }
}

const NONE: readonly never[] = []
/** More than this many messages that are not shown are forgotten. */
const FEW = 100
