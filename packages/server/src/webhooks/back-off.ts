const FIRST_MS = 1_000

/**
 * The wait before the next request, in ms. It doubles with each failure, from one second up to `mostMs`. Half of it is
 * random (`random` is from 0 to 1), so that rooms whose requests failed together do not retry together.
 */
export function backOff(failures: number, mostMs: number, random: number): number {
  const whole = Math.min(mostMs, FIRST_MS * 2 ** Math.min(failures - 1, 30))
  return whole * (0.5 + random / 2)
}

/** How long a response asks to wait, in ms: `Retry-After` is a number of seconds or a date. 0 if it does not say. */
export function retryAfter(header: string | null, wallTimeMs: number): number {
  if (header === null) return 0
  if (/^\d+$/.test(header)) return Number(header) * 1_000
  // `Date.parse` alone would find a date in almost any text.
  const ms = / GMT$/.test(header) ? Date.parse(header) - wallTimeMs : 0
  return Math.max(0, ms || 0)
}
