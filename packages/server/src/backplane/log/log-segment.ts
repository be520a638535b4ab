import type { LogEntry, Position } from '../../api/contracts/backplane.js'

/** What an entry counts in addition to its text, towards the bytes of a room and of a page. */
export const ENTRY_OVERHEAD = 120

const LEAST_BYTES = 256
/**
 * At most one entry may extend a segment beyond this size. Dropped entries of the oldest segment keep their memory
 * until its newest one is dropped.
 */
const MOST_BYTES = 16 * 1024
/** What a segment costs in addition to its memory, in bytes. */
const OVERHEAD = 300

// The numbers of an entry. Its bytes are its id, followed by its text.
const AT = 0
const ID_END = 1
const TEXT_END = 2
const NUMBERS = 3

const NOTHING = Buffer.alloc(0)

/**
 * A sequence of entries, stored as numbers and bytes. As objects and strings, the newest thousand entries of a busy
 * room were most of what V8's minor garbage collections had to move, and all entries of a quiet room were moved
 * twice.
 */
export class LogSegment {
  /** The numbers of the entries. Numbers after these belong to entries that {@link begin} has dropped. */
  readonly #numbers: number[] = []
  #size = 0
  #memory = NOTHING

  /** @param before the position of the log before this segment */
  constructor(private before: Position) {}

  /** Drops all entries, and keeps the memory for the next ones. */
  begin(before: Position): void {
    this.before = before
    this.#size = 0
  }

  get firstOffset(): number {
    return this.before.offset + 1
  }

  get lastOffset(): number {
    return this.before.offset + this.#size
  }

  /** The memory that it takes, in bytes. */
  get bytes(): number {
    return this.#memory.length + 8 * this.#numbers.length + OVERHEAD
  }

  /** Whether an entry of this many bytes, its id included, belongs in the next segment. */
  isFullFor(bytes: number): boolean {
    return this.#size > 0 && this.#end + bytes > MOST_BYTES
  }

  /** Ids are tokens, and therefore printable ASCII. `bytes` is the length of the text. */
  append(id: string, text: string, bytes: number, at: number): void {
    const start = this.#end
    const idEnd = start + id.length
    const end = idEnd + bytes
    if (end > this.#memory.length) this.#grow(start, end)
    this.#memory.write(id, start, 'latin1')
    this.#memory.write(text, idEnd, bytes)
    const numbers = this.#numbers
    const first = this.#size * NUMBERS
    numbers[first + AT] = at
    numbers[first + ID_END] = idEnd
    numbers[first + TEXT_END] = end
    this.#size++
  }

  /** Puts another text in the place of an entry's, of which no byte is left. */
  replace(offset: number, text: string): void {
    const [start, textEnd, end] = [this.#number(offset, ID_END), this.#number(offset, TEXT_END), this.#end]
    const bytes = Buffer.byteLength(text)
    const added = bytes - (textEnd - start)
    if (end + added > this.#memory.length) this.#grow(end, end + added)
    this.#memory.copy(this.#memory, textEnd + added, textEnd, end)
    this.#memory.write(text, start, bytes)
    if (added < 0) this.#memory.fill(0, end + added, end)
    this.#numbers[this.#at(offset, TEXT_END)] = textEnd + added
    for (let later = offset + 1; later <= this.lastOffset; later++) {
      for (const column of [ID_END, TEXT_END])
        this.#numbers[this.#at(later, column)] = this.#number(later, column) + added
    }
  }

  /** Leaves no byte of an entry's text, because the log has dropped it. */
  wipe(offset: number): void {
    this.#memory.fill(0, this.#number(offset, ID_END), this.#number(offset, TEXT_END))
  }

  /** How an entry's text begins. */
  startOf(offset: number, bytes: number): string {
    const start = this.#number(offset, ID_END)
    return this.#memory.toString('utf8', start, Math.min(start + bytes, this.#number(offset, TEXT_END)))
  }

  /** When it was appended, in whole ms. */
  atOf(offset: number): number {
    return this.#number(offset, AT)
  }

  /** The bytes of its text. */
  bytesOf(offset: number): number {
    return this.#number(offset, TEXT_END) - this.#number(offset, ID_END)
  }

  /** Also knows the entry before the first one. */
  idOf(offset: number): string {
    if (offset < this.firstOffset) return this.before.id
    return this.#memory.toString('latin1', this.#idStart(offset), this.#number(offset, ID_END))
  }

  entry(offset: number): LogEntry {
    const text = this.#memory.toString('utf8', this.#number(offset, ID_END), this.#number(offset, TEXT_END))
    return { offset, id: this.idOf(offset), previousId: this.idOf(offset - 1), text }
  }

  /** Whether its memory is worth reusing, which it is not if it was made for one large entry. */
  get isReusable(): boolean {
    return this.#memory.length <= MOST_BYTES
  }

  get #end(): number {
    return this.#size === 0 ? 0 : this.#number(this.lastOffset, TEXT_END)
  }

  #idStart(offset: number): number {
    return offset === this.firstOffset ? 0 : this.#number(offset - 1, TEXT_END)
  }

  #number(offset: number, column: number): number {
    return this.#numbers[this.#at(offset, column)] as number
  }

  #at(offset: number, column: number): number {
    return (offset - this.firstOffset) * NUMBERS + column
  }

  #grow(used: number, needed: number): void {
    const size = Math.max(needed, Math.min(MOST_BYTES, Math.max(LEAST_BYTES, 2 * needed)))
    // Not from Node's pool: a small piece would keep all 8 KiB of a pool page alive.
    const memory = Buffer.allocUnsafeSlow(size)
    this.#memory.copy(memory, 0, 0, used)
    // A text may be deleted before this memory is collected.
    this.#memory.fill(0, 0, used)
    this.#memory = memory
  }
}
