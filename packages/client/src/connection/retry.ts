export interface Backoff {
  /** Shortest wait, in ms. @default 100 */
  readonly minMs: number
  /** Longest wait before the second attempt, in ms; it doubles with each failure. @default 500 */
  readonly baseMs: number
  /** Longest wait of all, in ms. @default 20_000 */
  readonly maxMs: number
}

export const DEFAULT_BACKOFF: Backoff = { minMs: 100, baseMs: 500, maxMs: 20_000 }

/** Full jitter: clients that lost the same server must not come back in the same instant. */
export function backoffMs(failures: number, random: number, backoff: Backoff = DEFAULT_BACKOFF): number {
  const ceiling = Math.max(backoff.minMs, Math.min(backoff.maxMs, backoff.baseMs * 2 ** failures))
  return Math.round(backoff.minMs + random * (ceiling - backoff.minMs))
}
