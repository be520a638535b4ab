import { type Backoff, DEFAULT_BACKOFF } from '../options/options.js'

/** Uses full jitter, so that clients that lost the same server do not all return at the same moment. */
export function backoffMs(failures: number, random: number, backoff: Backoff = DEFAULT_BACKOFF): number {
  const ceiling = Math.max(backoff.minMs, Math.min(backoff.maxMs, backoff.baseMs * 2 ** failures))
  return Math.round(backoff.minMs + random * (ceiling - backoff.minMs))
}

/** The wait before the same question is repeated, whatever the server says: none at first, then longer each time. */
export function repeatMs(repeats: number): number {
  return repeats && 100 * 2 ** Math.min(repeats - 1, 6)
}
