import { type Backoff, DEFAULT_BACKOFF } from '../options/options.js'

/** Full jitter: clients that lost the same server must not come back in the same instant. */
export function backoffMs(failures: number, random: number, backoff: Backoff = DEFAULT_BACKOFF): number {
  const ceiling = Math.max(backoff.minMs, Math.min(backoff.maxMs, backoff.baseMs * 2 ** failures))
  return Math.round(backoff.minMs + random * (ceiling - backoff.minMs))
}

/** Before the same is asked again, whatever the server says: the first time at once, then ever later. */
export function repeatMs(repeats: number): number {
  return repeats && 100 * 2 ** Math.min(repeats - 1, 6)
}
