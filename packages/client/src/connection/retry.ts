import { type Backoff, DEFAULT_BACKOFF } from '../options/options.js'

/** Full jitter: clients that lost the same server must not come back in the same instant. */
export function backoffMs(failures: number, random: number, backoff: Backoff = DEFAULT_BACKOFF): number {
  const ceiling = Math.max(backoff.minMs, Math.min(backoff.maxMs, backoff.baseMs * 2 ** failures))
  return Math.round(backoff.minMs + random * (ceiling - backoff.minMs))
}
