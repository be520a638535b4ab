import type { LogEntry, LogPage, Position, Range } from '../../api/contracts/backplane.js'
import { ENTRY_OVERHEAD } from './log-segment.js'

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

/** A message that a page may show. */
export interface PageMessage {
  readonly offset: number
  /** The bytes of its text. */
  readonly bytes: number
  entry(): LogEntry
}

/** A log that tells messages from amendments. */
export interface MessageSource {
  readonly epoch: string
  readonly head: Position
  messages(first: number, step: 1 | -1): Iterable<PageMessage>
}

/** Reads a page that leaves out amendments. */
export function pageOfMessages(
  { log, oldestOffset }: { readonly log: MessageSource; readonly oldestOffset: number },
  range: Range,
): LogPage {
  const { epoch, head } = log
  if ('after' in range) {
    const page = collect(log.messages(range.after + 1, 1), range)
    return { ...page, epoch, head, oldestOffset, truncated: range.after + 1 < oldestOffset }
  }
  const last = Math.min((range.before ?? Number.POSITIVE_INFINITY) - 1, head.offset)
  const { entries, more } = collect(log.messages(last, -1), range)
  const truncated = oldestOffset > 1 && last > 0
  return { entries: entries.reverse(), more, epoch, head, oldestOffset, truncated }
}

/** Takes messages until the page is full; `more` if it did not take all. */
function collect(
  messages: Iterable<PageMessage>,
  { limit, maxBytes }: Range,
): { entries: LogEntry[]; more: boolean } {
  const entries: LogEntry[] = []
  let space = maxBytes
  for (const message of messages) {
    space -= message.bytes + ENTRY_OVERHEAD
    if (entries.length >= limit || (space < 0 && entries.length > 0)) return { entries, more: true }
    entries.push(message.entry())
  }
  return { entries, more: false }
}

/** The offsets that a page accounts for. */
export interface Covers {
  readonly from: number
  readonly to: number
}

/**
 * Each is the offset of an entry in the page, or of an amendment that the page's messages already contain. `undefined` if
 * there are none.
 */
export function coversOf({ entries, more, head, oldestOffset }: LogPage, range: Range): Covers | undefined {
  const [first, last] = [entries[0]?.offset, entries.at(-1)?.offset]
  if ('after' in range) {
    const [from, to] = [Math.max(range.after + 1, oldestOffset), more ? last : head.offset]
    return to === undefined || to < from ? undefined : { from, to }
  }
  const to = Math.min((range.before ?? Number.POSITIVE_INFINITY) - 1, head.offset)
  const from = more ? first : oldestOffset
  return from === undefined || to < from ? undefined : { from, to }
}
