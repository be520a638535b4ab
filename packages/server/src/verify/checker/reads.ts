import { HighWater } from './high-water.js'
import {
  by,
  type Entry,
  type Event,
  type History,
  type Joined,
  type Page,
  type Violation,
} from './history.js'
import { Sendings } from './sendings.js'

/** Every reader continues offset by offset from its cursor, and no answer is older than what was known before. */
export function checkReads(history: History): Violation[] {
  const reads = new Reads(new HighWater(history), new Sendings(history))
  for (const [at, event] of history.entries()) {
    if (event.kind === 'joined') reads.joined(event)
    if (event.kind === 'opened') reads.opened(event, at)
    if (event.kind === 'delivered') reads.delivered(event, event.entry)
    if (event.kind === 'page') reads.page(event)
    if (event.kind === 'resync') reads.resync(event)
  }
  return reads.violations
}

/** A stream that begins now, before its first entry. */
interface Beginning {
  readonly askedAt: number
  /** How many events had been seen when its headers came. */
  readonly openedAt: number
}

interface Cursor {
  readonly epoch: string
  readonly offset: number
}

class Reads {
  readonly violations: Violation[] = []
  readonly #cursors = new Map<string, Cursor>()
  readonly #beginnings = new Map<string, Beginning>()

  constructor(
    private readonly known: HighWater,
    private readonly sendings: Sendings,
  ) {}

  opened(event: Extract<Event, { kind: 'opened' }>, openedAt: number): void {
    this.#beginnings.set(readerOf(event), { askedAt: event.askedAt, openedAt })
  }

  joined(event: Joined): void {
    const { since, recovered, entries, cursor, more, askedAt } = event
    if (recovered === false) this.#found('break', event, `it cannot go on from ${since?.offset}`)
    const goesOn = since !== undefined && recovered === true
    const first = entries[0]
    let at = goesOn ? since : first && { epoch: first.epoch, offset: first.offset - 1 }
    for (const entry of entries) at = this.#step(event, at, entry)
    if (at && (at.epoch !== cursor.epoch || at.offset !== cursor.offset))
      this.#found('hole', event, `its cursor is ${show(cursor)} behind ${show(at)}`)
    if (!more) this.#checkAge(event, cursor, askedAt)
    this.#cursors.set(readerOf(event), cursor)
  }

  delivered(event: Event, entry: Entry): void {
    const cursor = this.#cursors.get(readerOf(event))
    const beginning = this.#beginnings.get(readerOf(event))
    if (!cursor && beginning) this.#begin(event, entry, beginning)
    else if (!cursor) this.#found('order', event, `${show(entry)} came before the room was joined`)
    this.#cursors.set(readerOf(event), this.#step(event, cursor, entry))
  }

  page(event: Page): void {
    const { after, before, epoch, oldest = 1, entries, more, askedAt } = event
    const first = entries[0]
    let at: Cursor | undefined = first && { epoch, offset: first.offset - 1 }
    // What is below the oldest offset is gone, which is not for a page to hide, but for the losses to tell.
    if (after !== undefined) at = { epoch, offset: Math.max(after, oldest - 1) }
    for (const entry of entries) at = this.#step(event, at, entry)
    if (before !== undefined && at && at.offset !== before - 1)
      this.#found('hole', event, `a page below ${before} ends with ${at.offset}`)
    // A page in the other direction does not show where the log ends.
    if (before === undefined && at && (after === undefined || !more)) this.#checkAge(event, at, askedAt)
  }

  resync(event: Extract<Event, { kind: 'resync' }>): void {
    this.#found('break', event, `resync: ${event.reason}`)
    this.#cursors.set(readerOf(event), event.cursor)
  }

  #step(event: Event, last: Cursor | undefined, entry: Entry): Cursor {
    if (last && last.epoch !== entry.epoch)
      this.#found('break', event, `${show(entry)} came after ${show(last)}`)
    else if (last && entry.offset <= last.offset)
      this.#found('non-monotonic', event, `${entry.offset} came after ${last.offset}`)
    else if (last && entry.offset !== last.offset + 1)
      this.#found('hole', event, `${entry.offset} came after ${last.offset}`)
    return entry
  }

  /** The first entry of a stream is newer than what was known, and no newer one comes before it. */
  #begin(event: Event, entry: Entry, { askedAt, openedAt }: Beginning): void {
    const known = this.known.before(event.room, entry.epoch, askedAt)
    if (entry.offset <= known)
      this.#found('non-monotonic', event, `it begins with ${entry.offset}, where ${known} was known before`)
    const missed = this.sendings.firstAfter(event.room, entry.epoch, openedAt)
    if (missed < entry.offset)
      this.#found('hole', event, `it begins with ${entry.offset}, and lacks ${missed}, which was sent later`)
  }

  #checkAge(event: Event, { epoch, offset }: Cursor, askedAt: number): void {
    const known = this.known.before(event.room, epoch, askedAt)
    if (offset < known)
      this.#found('non-monotonic', event, `the log ends with ${offset}, where ${known} was known before`)
  }

  #found(kind: Violation['kind'], event: Event, what: string): void {
    this.violations.push({ kind, room: event.room, what: `${by(event)}: ${what}` })
  }
}

const readerOf = ({ client, room }: Event) => `${client} ${room}`
const show = ({ epoch, offset }: Cursor) => `${offset} of ${epoch}`
