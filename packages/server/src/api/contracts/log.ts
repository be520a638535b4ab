/** A reader's position in a log: `id` is that of the entry at `offset`, or the epoch if the log is empty. */
export interface Position {
  readonly epoch: string
  readonly offset: number
  readonly id: string
}

export interface LogEntry {
  readonly offset: number
  readonly id: string
  /** The id of the previous entry, which lets a reader tell a fork from a gap. */
  readonly previousId: string
  /** The JSON text of the frame that members receive, live and from history. */
  readonly text: string
}

/** Which entries to read: the oldest after an offset, or the newest before one. Without an offset, the newest. */
export type Range = PageBounds & ({ readonly after: number } | { readonly before: number | undefined })

interface PageBounds {
  readonly limit: number
  readonly maxBytes: number
  /**
   * Leaves out the entries that change others (`message_edited`, `message_deleted`, `messages_erased`), and does not
   * count them: the messages already have what they say. Without it, the page holds every entry.
   */
  readonly messagesOnly?: boolean
}

export interface LogPage {
  /** In ascending order of offset. */
  readonly entries: readonly LogEntry[]
  /** Whether the log holds further entries of this kind in the direction of reading. */
  readonly more: boolean
  /** Whether entries in that direction once existed and are gone. */
  readonly truncated: boolean
  readonly epoch: string
  readonly head: Position
  /**
   * Offset of the oldest entry that is kept for this kind of page; the head's plus 1 if none is left. Messages may be
   * kept for longer than the log from which a reader can resume.
   */
  readonly oldestOffset: number
}

/** Why a resume is not complete. */
export type Break = 'epoch_changed' | 'forked' | 'expired'

export interface Subscription {
  close(): void
}
