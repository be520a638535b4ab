import type { ServerResponse } from 'node:http'
import { MAX_TIMER_MS } from '../api/contracts/clock.js'

/**
 * Passes a stream on to a client of Node's server, no faster than the client reads it. Resolves when either has ended. If
 * the stream fails, the response breaks off, so that the client does not take it for complete.
 */
export async function passOn(
  body: ReadableStream<Uint8Array>,
  response: ServerResponse,
  idleMs: number,
): Promise<void> {
  // Overrides the server's own time-out, which may be shorter than the time between two heartbeats.
  response.setTimeout(Math.min(idleMs, MAX_TIMER_MS))
  const reader = body.getReader()
  // At once, because the next write may be a heartbeat away. If the stream has failed, it has ended already.
  response.once('close', () => void reader.cancel().catch(() => {}))
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      if (!response.write(value)) await Promise.race([drained(response), reader.closed])
    }
    response.end()
  } catch {
    // The reason was logged where the stream failed.
    response.destroy()
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => response.once('drain', resolve))
}
