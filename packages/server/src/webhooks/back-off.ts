const FIRST_MS = 1_000

/**
 * The wait before the next request, in ms. It doubles with each failure, from one second up to `mostMs`. Half of it is
 * random (`random` is from 0 to 1), so that rooms whose requests failed together do not retry together.
 */
export function backOff(failures: number, mostMs: number, random: number): number {
  const whole = Math.min(mostMs, FIRST_MS * 2 ** Math.min(failures - 1, 30))
  return whole * (0.5 + random / 2)
}
