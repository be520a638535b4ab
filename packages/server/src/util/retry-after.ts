/** The longest delay of a JavaScript timer: one for longer fires at once. */
const LONGEST_MS = 2 ** 31 - 1

/** How long `Retry-After` asks to wait, in ms: it is a number of seconds or a date. `undefined` if it says neither. */
export function retryAfter(header: string | null, wallTimeMs: number): number | undefined {
  const ms = asked(header ?? '', wallTimeMs)
  return Number.isNaN(ms) ? undefined : boundedWait(ms)
}

/** A wait that a timer can take, whatever another server asks for. */
export function boundedWait(ms: number): number {
  return Math.min(Math.max(0, ms), LONGEST_MS)
}

function asked(header: string, wallTimeMs: number): number {
  if (/^\d+$/.test(header)) return Number(header) * 1_000
  // `Date.parse` alone would find a date in almost any text.
  return / GMT$/.test(header) ? Date.parse(header) - wallTimeMs : Number.NaN
}
