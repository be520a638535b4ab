import type { LogEntry } from '../../api/contracts/backplane.js'
import { ENTRY_OVERHEAD } from './log-segment.js'
import type { PageMessage } from './page.js'

/** What one costs in memory in addition to its text. */
const OVERHEAD = 250

interface Kept {
  readonly at: number
  readonly entry: LogEntry
  readonly bytes: number
}

/**
 * Messages that pages still show, and that the log has dropped to make space for amendments. Most rooms never have any, so
 * they are plain objects.
 */
export class OlderMessages {
  #kept: Kept[] = []
  #textBytes = 0

  get size(): number {
    return this.#kept.length
  }

  /** The bytes of the messages, as retention counts them. */
  get bytes(): number {
    return this.#textBytes + ENTRY_OVERHEAD * this.size
  }

  /** The memory that they take, in bytes. */
  get memory(): number {
    return this.#textBytes + OVERHEAD * this.size
  }

  get oldestOffset(): number | undefined {
    return this.#kept[0]?.entry.offset
  }

  /** When the oldest one was appended to the log. */
  get oldestAt(): number | undefined {
    return this.#kept[0]?.at
  }

  /** Adds the next one by offset. */
  add(entry: LogEntry, at: number): void {
    this.#insert(this.size, entry, at)
  }

  dropOldest(): void {
    const oldest = this.#kept.shift()
    this.#textBytes -= oldest?.bytes ?? 0
  }

  entryAt(offset: number): LogEntry | undefined {
    return this.#kept[this.#indexOf(offset)]?.entry
  }

  replace(offset: number, text: string): void {
    const index = this.#indexOf(offset)
    const kept = this.#kept[index]
    if (!kept) return
    this.#textBytes -= kept.bytes
    this.#insert(index, { ...kept.entry, text }, kept.at)
  }

  *entries(): Generator<LogEntry> {
    for (const { entry } of this.#kept) yield entry
  }

  /** From one offset on, in either direction. */
  *from(first: number, step: 1 | -1): Generator<PageMessage> {
    for (const { entry, bytes } of step === 1 ? this.#kept : this.#kept.toReversed()) {
      if ((entry.offset - first) * step >= 0) yield { offset: entry.offset, bytes, entry: () => entry }
    }
  }

  #insert(index: number, entry: LogEntry, at: number): void {
    const bytes = Buffer.byteLength(entry.text)
    this.#kept[index] = { at, entry, bytes }
    this.#textBytes += bytes
  }

  #indexOf(offset: number): number {
    return this.#kept.findIndex(({ entry }) => entry.offset === offset)
  }
}
