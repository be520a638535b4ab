import type { Break, LogEntry, Position } from './log.js'

/** What comes next in a log. */
export interface LogNews {
  readonly epoch: string
  /** In order; none if nothing came in time. */
  readonly entries: readonly LogEntry[]
  /** Entries before these are missing: why, and the position after which the log goes on. */
  readonly gap?: { readonly reason: Break; readonly cursor: Position } | undefined
}

/** Reads a log from a position on, each entry once. */
export interface LogReader {
  /** The position up to which it has read. */
  readonly cursor: Position
  /** Waits up to `waitMs` for entries; resolves with `undefined` once closed. One call at a time. */
  next(waitMs: number): Promise<LogNews | undefined>
  close(): void
}

/**
 * Opens a reader of a room's log, at its end if there is no cursor. Everything that is published once it has resolved
 * comes to the reader.
 * @throws RoomfulError `invalid_room`, `unavailable`, `closed`
 */
export type OpenLogReader = (roomId: string, since: Position | undefined) => Promise<LogReader>
