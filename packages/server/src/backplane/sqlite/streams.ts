import type { Amendment, LogEntry, StreamEvent } from '../../api/contracts/backplane.js'
import { Recent } from './recent.js'

export interface ActiveStream {
  readonly name: string
  readonly listeners: Set<(event: StreamEvent) => void>
  readonly recent: Recent
  /** Resolves once the head is known; later callers share it. */
  opened: Promise<void> | undefined
}

/** What an entry changed. */
export interface Amended {
  readonly amends: Amendment
  readonly timestampMs: number
}

/** Maximum bytes of the newest entries of all active rooms together. */
const RECENT_BYTES = 64 * 1024 * 1024

/** The streams with listeners in this process. A room without anybody in it uses no memory. */
export class ActiveStreams {
  /** The least recently written first. */
  readonly #streams = new Map<string, ActiveStream>()
  #bytes = 0

  get(name: string): ActiveStream | undefined {
    return this.#streams.get(name)
  }

  all(): ActiveStream[] {
    return [...this.#streams.values()]
  }

  open(name: string): ActiveStream {
    const known = this.#streams.get(name)
    if (known) return known
    const stream = {
      name,
      listeners: new Set<(event: StreamEvent) => void>(),
      recent: new Recent(),
      opened: undefined,
    }
    this.#streams.set(name, stream)
    return stream
  }

  closeIfUnused(stream: ActiveStream): void {
    if (stream.listeners.size > 0 || this.#streams.get(stream.name) !== stream) return
    this.#bytes -= stream.recent.bytes
    this.#streams.delete(stream.name)
  }

  /** Notifies the listeners of an entry that is on disk, as is what it changed. */
  tell(name: string, entry: LogEntry, epoch: string, amended?: Amended): void {
    const stream = this.#streams.get(name)
    if (!stream) return
    this.change(stream, () => {
      stream.recent.add(entry, epoch)
      if (amended) stream.recent.amend(amended.amends, { offset: entry.offset, ...amended })
    })
    emit(stream, { kind: 'entry', entry, epoch })
  }

  /** Changes which of a stream's newest entries are kept, within the bytes for all streams. */
  change(stream: ActiveStream, how: () => void): void {
    const before = stream.recent.bytes
    how()
    if (this.#streams.get(stream.name) !== stream) return
    this.#bytes += stream.recent.bytes - before
    this.#streams.delete(stream.name)
    this.#streams.set(stream.name, stream)
    if (this.#bytes > RECENT_BYTES) this.#forgetOldest()
  }

  #forgetOldest(): void {
    for (const { recent } of this.#streams.values()) {
      if (this.#bytes <= RECENT_BYTES) return
      this.#bytes -= recent.bytes
      recent.forget()
    }
  }
}

export function emit({ listeners }: ActiveStream, event: StreamEvent): void {
  for (const listener of listeners) listener(event)
}
