import type { Amendment, Break, LogEntry, LogPage, Position, Range } from '../../api/contracts/backplane.js'
import {
  type AmendingEntry,
  isAmendmentText,
  redactedEdit,
  startOfEdits,
  stateAfter,
} from '../log/amending.js'
import { resumeFault } from '../log/log.js'
import { ENTRY_OVERHEAD } from '../log/log-segment.js'
import { coversOf, type PageMessage, pageOfMessages, toPage } from '../log/page.js'
import type { Page } from './requests.js'
import type { Oldest } from './rooms.js'

const ENTRIES = 256
const BYTES = 256 * 1024

/** The newest entries of an active log, up to its head, for clients that join or resume near it. */
export class Recent {
  /** By offset: each message from `#from.message` on, and each entry from `#from.entry` on. */
  #entries: LogEntry[] = []
  #from: Oldest = { entry: 1, message: 1 }
  #bytes = 0
  /** Set once the store has reported the head. */
  #head: Position | undefined
  #oldest: Oldest = { entry: 1, message: 1 }

  get head(): Position | undefined {
    return this.#head
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Takes what a page says about the log; its entries are kept if they reach up to the head. */
  learn(page: Page, range: Range): void {
    const { head, oldest } = page
    if (head.epoch === this.#head?.epoch && head.offset < this.#head.offset) return
    const isKnown = head.epoch === this.#head?.epoch && head.offset === this.#head.offset
    this.#head = head
    this.#oldest = oldest
    if (!isKnown) this.forget()
    const covers = coversOf(page, range)
    if (covers?.to === head.offset) this.#extend(page.entries, covers)
  }

  add(entry: LogEntry, epoch: string): void {
    if (!this.#head) return
    this.#head = { epoch, offset: entry.offset, id: entry.id }
    this.#push(entry)
  }

  /** Changes texts as the store did when it appended an amendment. */
  amend(amendment: Amendment, by: AmendingEntry): void {
    const { target, kind } = amendment
    const start = startOfEdits(target)
    for (const [index, { offset, text }] of this.#entries.entries()) {
      if (offset === target.offset) this.#replace(index, stateAfter(JSON.parse(text), amendment, by))
      else if (kind === 'delete' && text.startsWith(start))
        this.#replace(index, redactedEdit(JSON.parse(text)))
    }
  }

  /** The store has dropped what is older. */
  trim(oldest: Oldest): void {
    this.#oldest = oldest
    if (oldest.entry > this.#from.entry || oldest.message > this.#from.message) this.forget()
  }

  forget(): void {
    const next = (this.#head?.offset ?? 0) + 1
    this.#entries = []
    this.#from = { entry: next, message: next }
    this.#bytes = 0
  }

  /** A page, if all of it is here; `undefined` if only the store has it. */
  page(range: Range, since: Position | undefined): Page | undefined {
    const head = this.#head
    if (!head) return undefined
    const fault = since && this.#fault(head, since)
    if (fault === 'expired') return undefined
    const page = range.messagesOnly ? this.#messages(range, head) : this.#log(range, head)
    return page && { ...page, oldest: this.#oldest, fault }
  }

  #fault(head: Position, since: Position): Break | undefined {
    return resumeFault({ epoch: head.epoch, head, idAt: (offset) => this.#idAt(head, offset) }, since)
  }

  #idAt(head: Position, offset: number): string | undefined {
    if (offset === head.offset) return head.id
    if (offset < this.#oldest.entry - 1) return undefined
    return this.#entryAt(head, offset)?.id ?? this.#entryAt(head, offset + 1)?.previousId
  }

  #entryAt(head: Position, offset: number): LogEntry | undefined {
    return offset < this.#from.entry ? undefined : this.#entries.at(offset - head.offset - 1)
  }

  #log(range: Range, head: Position): LogPage | undefined {
    const entries = this.#collect(range, head)
    const { epoch } = head
    return entries && toPage({ epoch, head, oldestOffset: this.#oldest.entry, entries }, range)
  }

  #collect(range: Range, head: Position): LogEntry[] | undefined {
    if (range.limit === 0) return []
    const isForward = 'after' in range
    const oldestOffset = this.#oldest.entry
    let offset = isForward
      ? Math.max(range.after + 1, oldestOffset)
      : Math.min((range.before ?? Number.POSITIVE_INFINITY) - 1, head.offset)
    const found: LogEntry[] = []
    let left = range.maxBytes
    while (found.length < range.limit && offset >= oldestOffset && offset <= head.offset) {
      const entry = this.#entryAt(head, offset)
      if (!entry) return undefined
      left -= Buffer.byteLength(entry.text) + ENTRY_OVERHEAD
      if (left < 0 && found.length > 0) break
      found.push(entry)
      offset += isForward ? 1 : -1
    }
    return found
  }

  #messages(range: Range, head: Position): LogPage | undefined {
    const oldestOffset = this.#oldest.message
    const isOlderElsewhere = this.#from.message > oldestOffset
    if (isOlderElsewhere && 'after' in range && range.after + 1 < this.#from.message) return undefined
    let isShort = false
    const messages = (first: number, step: 1 | -1) =>
      this.#messagesFrom(first, step, () => {
        isShort = isOlderElsewhere && step === -1
      })
    const page = pageOfMessages({ log: { epoch: head.epoch, head, messages }, oldestOffset }, range)
    return isShort ? undefined : page
  }

  /** Calls `ended` when all that are here were asked for. */
  *#messagesFrom(first: number, step: 1 | -1, ended: () => void): Generator<PageMessage> {
    for (const entry of step === 1 ? this.#entries : this.#entries.toReversed()) {
      const { offset, text } = entry
      if ((offset - first) * step < 0 || offset < this.#oldest.message || isAmendmentText(text)) continue
      yield { offset, bytes: Buffer.byteLength(text), entry: () => entry }
    }
    ended()
  }

  /** Adds what a page has that is not here yet. It may lack amendments, but no messages. */
  #extend(page: readonly LogEntry[], { from, to }: { readonly from: number; readonly to: number }): void {
    const [known, { entry, message }] = [this.#entries, this.#from]
    const isWhole = page.length === to - from + 1
    if (from >= (isWhole ? entry : message)) return
    const entries = isWhole
      ? [...known.filter(({ offset }) => offset < from), ...page]
      : [...page.filter(({ offset }) => offset < message), ...known]
    this.forget()
    this.#from = { entry: isWhole ? from : entry, message: Math.min(message, from) }
    for (const one of entries) this.#push(one)
  }

  #push(entry: LogEntry): void {
    this.#entries.push(entry)
    this.#bytes += weight(entry)
    if (this.#entries.length <= ENTRIES && this.#bytes <= BYTES) return
    // Drops half at once: dropping one at a time would move all others for each new entry.
    const dropped = this.#entries.splice(0, Math.ceil(this.#entries.length / 2))
    for (const old of dropped) this.#bytes -= weight(old)
    const next = (dropped.at(-1)?.offset ?? 0) + 1
    this.#from = { entry: Math.max(this.#from.entry, next), message: next }
  }

  #replace(index: number, message: object): void {
    const old = this.#entries[index]
    if (!old) return
    const entry = { ...old, text: JSON.stringify(message) }
    this.#entries[index] = entry
    this.#bytes += weight(entry) - weight(old)
  }
}

const weight = ({ text }: LogEntry): number => 2 * text.length + ENTRY_OVERHEAD
