import type { ServerResponse } from 'node:http'
import { MAX_TIMER_MS } from '../api/contracts/clock.js'

/**
 * Passes a stream on to a client of Node's server, no faster than the client takes it. Resolves when either has ended; a
 * stream that fails breaks off, so that nobody takes it for complete.
 */
export async function passOn(
  body: ReadableStream<Uint8Array>,
  response: ServerResponse,
  idleMs: number,
): Promise<void> {
  // Instead of the server's own time-out, which may be shorter than the time between two heartbeats.
  response.setTimeout(Math.min(idleMs, MAX_TIMER_MS))
  const reader = body.getReader()
  // Not only with the next write, which may be a heartbeat away. What has failed is ended already.
  response.once('close', () => void reader.cancel().catch(() => {}))
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      if (!response.write(value)) await Promise.race([drained(response), reader.closed])
    }
    response.end()
  } catch {
    // Why it failed was logged where that was known.
    response.destroy()
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => response.once('drain', resolve))
}
