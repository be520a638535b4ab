import type { LogEntry } from '../../api/backplane.js'

/** What a `joined` or `history` frame is apart from its lists, at the most: a room's name is in it twice. */
const HEAD_BYTES = 2_048

/** Puts fields whose values are JSON texts already at the end of a frame's text. */
export function withTexts(frame: string, fields: Readonly<Record<string, string | undefined>>): string {
  let text = frame.slice(0, -1)
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) text += `,"${name}":${value}`
  return `${text}}`
}

/** Log entries, which are texts already, as a list. */
export function entriesText(entries: readonly LogEntry[]): string {
  return `[${entries.map(({ text }) => text).join(',')}]`
}

/** Bytes of entries that a page of so many bytes has space for. */
export function pageSpace(pageBytes: number): number {
  return pageBytes - Math.min(HEAD_BYTES, pageBytes / 8)
}
