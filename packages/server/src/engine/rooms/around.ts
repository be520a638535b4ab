import type { Target } from '@roomful/protocol'
import type { Break, LogEntry, LogPage, Position, Range } from '../../api/contracts/backplane.js'
import { RoomfulError } from '../../api/contracts/roomful-error.js'
import { ENTRY_OVERHEAD } from '../../backplane/log/log-segment.js'
import { type Covers, coversOf } from '../../backplane/log/page.js'

/** The messages around one of them, half of them before it. */
export interface AroundRange {
  readonly around: Target
  readonly limit: number
  readonly maxBytes: number
}

/** `more` and `truncated` are of what comes before it. */
export interface AroundPage extends LogPage {
  readonly covers: Covers | undefined
  /** Whether the log holds the message that it is around. */
  readonly isFound: boolean
  /** Whether the log holds further messages after it. */
  readonly moreAfter: boolean
}

type Read = (range: Range, since?: Position) => Promise<LogPage & { readonly fault: Break | undefined }>

const ATTEMPTS = 3

/**
 * Makes one page of two: up to the message, and after it. What comes after it is read first: so the other, which is read
 * later, contains every amendment that the page as a whole covers.
 * @throws RoomfulError `unavailable` if the log forks again and again meanwhile
 */
export async function readAround(read: Read, { around, limit, maxBytes }: AroundRange): Promise<AroundPage> {
  const bounds = { messagesOnly: true, maxBytes: maxBytes / 2 }
  const above = { after: around.offset, limit: Math.floor(limit / 2), ...bounds }
  const below = { before: around.offset + 1, limit: Math.max(1, Math.ceil(limit / 2)), ...bounds }
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const later = await read(above)
    const earlier = await read(below, later.head)
    // Otherwise they are of different logs.
    if (earlier.fault === undefined) {
      // A page has at least one entry, however long that is.
      const fits = bytesOf(earlier.entries) + bytesOf(later.entries) <= maxBytes
      return joined([earlier, below], [fits ? later : { ...later, entries: [], more: true }, above], around)
    }
  }
  throw new RoomfulError('unavailable', { retryAfterMs: 1_000 })
}

type Part = readonly [page: LogPage, range: Range]

function joined([earlier, below]: Part, [later, above]: Part, { offset, id }: Target): AroundPage {
  const target = earlier.entries.at(-1)
  const known = coversOf(earlier, below)
  const to = coversOf(later, above)?.to
  return {
    ...earlier,
    entries: [...earlier.entries, ...later.entries],
    covers: known && { ...known, ...(to !== undefined && { to }) },
    isFound: target?.offset === offset && target.id === id,
    moreAfter: later.more,
  }
}

function bytesOf(entries: readonly LogEntry[]): number {
  return entries.reduce((sum, { text }) => sum + Buffer.byteLength(text) + ENTRY_OVERHEAD, 0)
}
