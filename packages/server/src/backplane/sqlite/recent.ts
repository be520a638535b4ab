import type { Break, LogEntry, Position, Range } from '../../api/contracts/backplane.js'
import { ENTRY_OVERHEAD, resumeFault } from '../log/log.js'
import { toPage } from '../log/page.js'
import type { Page } from './requests.js'

const ENTRIES = 256
const BYTES = 256 * 1024

/** The newest entries of an active log, up to its head, for clients that join or resume near it. */
export class Recent {
  #entries: LogEntry[] = []
  #bytes = 0
  /** Set once the store has reported the head. */
  #head: Position | undefined
  #oldestOffset = 1

  get head(): Position | undefined {
    return this.#head
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Takes what a page says about the log; its entries are kept if they reach up to the head. */
  learn({ head, oldestOffset, entries }: Page): void {
    if (head.epoch === this.#head?.epoch && head.offset < this.#head.offset) return
    if (head.epoch !== this.#head?.epoch || head.offset !== this.#head.offset) this.forget()
    this.#head = head
    this.#oldestOffset = oldestOffset
    const last = entries.at(-1)
    if (last?.offset !== head.offset || entries.length <= this.#entries.length) return
    this.forget()
    for (const entry of entries) this.#push(entry)
  }

  add(entry: LogEntry, epoch: string): void {
    if (!this.#head) return
    this.#head = { epoch, offset: entry.offset, id: entry.id }
    this.#push(entry)
  }

  /** The log has dropped the entries before an offset. */
  trim(oldestOffset: number): void {
    this.#oldestOffset = oldestOffset
    if (this.#head && oldestOffset > this.#first(this.#head)) this.forget()
  }

  forget(): void {
    this.#entries = []
    this.#bytes = 0
  }

  /** A page, if all of it is here; `undefined` if only the store has it. */
  page(range: Range, since: Position | undefined): Page | undefined {
    const head = this.#head
    if (!head) return undefined
    const fault = since && this.#fault(head, since)
    if (fault === 'expired') return undefined
    const entries = this.#collect(range, head)
    if (!entries) return undefined
    const { epoch } = head
    return { ...toPage({ epoch, head, oldestOffset: this.#oldestOffset, entries }, range), fault }
  }

  #fault(head: Position, since: Position): Break | undefined {
    return resumeFault({ epoch: head.epoch, head, idAt: (offset) => this.#idAt(head, offset) }, since)
  }

  #idAt(head: Position, offset: number): string | undefined {
    if (offset === head.offset) return head.id
    const index = offset - this.#first(head)
    return this.#entries[index]?.id ?? this.#entries[index + 1]?.previousId
  }

  /** Offset of the oldest entry here; the head's plus 1 if there is none. */
  #first(head: Position): number {
    return head.offset - this.#entries.length + 1
  }

  #collect(range: Range, head: Position): LogEntry[] | undefined {
    if (range.limit === 0) return []
    const isForward = 'after' in range
    const first = this.#first(head)
    let offset = isForward
      ? Math.max(range.after + 1, this.#oldestOffset)
      : Math.min((range.before ?? Number.POSITIVE_INFINITY) - 1, head.offset)
    const found: LogEntry[] = []
    let left = range.maxBytes
    while (found.length < range.limit && offset >= this.#oldestOffset && offset <= head.offset) {
      const entry = this.#entries[offset - first]
      if (!entry) return undefined
      left -= Buffer.byteLength(entry.text) + ENTRY_OVERHEAD
      if (left < 0 && found.length > 0) break
      found.push(entry)
      offset += isForward ? 1 : -1
    }
    return found
  }

  #push(entry: LogEntry): void {
    this.#entries.push(entry)
    this.#bytes += weight(entry)
    if (this.#entries.length <= ENTRIES && this.#bytes <= BYTES) return
    // Drops half at once: dropping one at a time would move all others for each new entry.
    const dropped = this.#entries.splice(0, Math.ceil(this.#entries.length / 2))
    for (const old of dropped) this.#bytes -= weight(old)
  }
}

const weight = ({ text }: LogEntry): number => 2 * text.length + ENTRY_OVERHEAD
