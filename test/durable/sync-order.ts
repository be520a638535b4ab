import type { DiskEvent } from './disk-shim.js'

/** Frames that show somebody an entry. An error with the same id says that there is none. */
const TELLING = new Set(['ack', 'chat_message', 'joined', 'history'])

export interface SyncOrder {
  /** Acknowledgements and entries that were sent before their message was synced. */
  readonly early: readonly string[]
  readonly acks: number
  readonly entries: number
  readonly syncs: number
}

/** Checks that everything was on disk before it was sent: written, then covered by a sync that began after the write. */
export function judgeOrder(events: readonly DiskEvent[]): SyncOrder {
  const early: string[] = []
  const sent: DiskEvent[] = []
  const disk = new Disk()
  let syncs = 0
  for (const event of events) {
    if (event.kind === 'written') disk.written(event.mark)
    else if (event.kind === 'sync') disk.begin(event.thread)
    else if (event.kind === 'synced') disk.end(event.thread, true)
    else if (event.kind === 'failed') disk.end(event.thread, false)
    if (event.kind === 'synced') syncs++
    if (event.kind !== 'sent' || !TELLING.has(event.type)) continue
    sent.push(event)
    if (!disk.has(event.mark)) early.push(`${event.type} of ${event.mark}`)
  }
  const acks = sent.filter((event) => event.kind === 'sent' && event.type === 'ack').length
  return { early, acks, entries: sent.length - acks, syncs }
}

/** What would survive a power cut at this moment. */
class Disk {
  readonly #durable = new Set<string>()
  readonly #written = new Set<string>()
  readonly #syncing = new Map<string, readonly string[]>()

  has(mark: string): boolean {
    return this.#durable.has(mark)
  }

  written(mark: string): void {
    if (!this.has(mark)) this.#written.add(mark)
  }

  begin(thread: string): void {
    this.#syncing.set(thread, [...this.#written])
  }

  /** After a failed sync, its messages must be written again, because the kernel may have dropped them. */
  end(thread: string, isDone: boolean): void {
    for (const mark of this.#syncing.get(thread) ?? []) {
      this.#written.delete(mark)
      if (isDone) this.#durable.add(mark)
    }
    this.#syncing.delete(thread)
  }
}
