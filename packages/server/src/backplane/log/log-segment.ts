import type { LogEntry, Position } from '../../api/contracts/backplane.js'

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

  /** Puts other texts in the place of some, of which no byte is left. Returns whether there were any. */
  rewrite(change: (text: string) => string | undefined): boolean {
    const offsets = Array.from({ length: this.#size }, (_, index) => this.firstOffset + index)
    const entries = offsets.map((offset) => ({ ...this.entry(offset), at: this.atOf(offset) }))
    const texts = entries.map(({ text }) => change(text))
    if (texts.every((text) => text === undefined)) return false
    this.#memory.fill(0)
    this.#size = 0
    for (const [index, { id, text, at }] of entries.entries()) {
      const next = texts[index] ?? text
      this.append(id, next, Buffer.byteLength(next), at)
    }
    return true
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
    return this.#memory.toString('latin1', this.#startOf(offset), this.#number(offset, ID_END))
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

  #startOf(offset: number): number {
    return offset === this.firstOffset ? 0 : this.#number(offset - 1, TEXT_END)
  }

  #number(offset: number, column: number): number {
    return this.#numbers[(offset - this.firstOffset) * NUMBERS + column] as number
  }

  #grow(used: number, needed: number): void {
    const size = Math.max(needed, Math.min(MOST_BYTES, Math.max(LEAST_BYTES, 2 * needed)))
    // Not from Node's pool: a small piece would keep all 8 KiB of a pool page alive.
    const memory = Buffer.allocUnsafeSlow(size)
    this.#memory.copy(memory, 0, 0, used)
    this.#memory = memory
  }
}
