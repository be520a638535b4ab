import type { LogEntry, LogPage, Position, Range } from '../../api/contracts/backplane.js'

/** What a store has read from a log, with the entries in the direction of reading. */
export interface ReadEntries {
  readonly epoch: string
  readonly head: Position
  /** The head's offset plus 1 if no entry is left. */
  readonly oldestOffset: number
  readonly entries: readonly LogEntry[]
}

/** Turns what the store read into a page for a reader: entries by offset, and what lies beyond them. */
export function toPage({ entries, epoch, head, oldestOffset }: ReadEntries, range: Range): LogPage {
  const known = { epoch, head, oldestOffset }
  if ('after' in range) {
    const last = entries.at(-1)?.offset ?? Math.max(range.after, oldestOffset - 1)
    return { ...known, entries, more: last < head.offset, truncated: range.after + 1 < oldestOffset }
  }
  const last = Math.min((range.before ?? Number.POSITIVE_INFINITY) - 1, head.offset)
  const first = entries.at(-1)?.offset ?? last + 1
  return {
    ...known,
    entries: entries.toReversed(),
    more: first > oldestOffset && oldestOffset <= last,
    truncated: oldestOffset > 1 && last > 0,
  }
}
