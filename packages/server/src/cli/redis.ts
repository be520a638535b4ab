import type { Backplane } from '../api/contracts/backplane.js'
import { UsageError } from './settings.js'

const CONNECT_MS = 5_000

/**
 * Returns a backplane on a Redis that answers now.
 * @throws UsageError if it does not answer, or if node-redis is not installed
 */
export async function openRedis(url: string): Promise<Backplane> {
  const { createClient } = await import('redis').catch((cause: unknown) => {
    throw new UsageError('REDIS_URL needs node-redis; install it with: npm install redis', { cause })
  })
  const client = createClient({ url, socket: { reconnectStrategy: false, connectTimeout: CONNECT_MS } })
  // The same error rejects `connect`, which reports it.
  client.on('error', () => {})
  try {
    await client.connect()
    client.destroy()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message || cause.name : String(cause)
    const what = /^(WRONGPASS|NOAUTH)\b/.test(reason)
      ? `the Redis at ${addressOf(url)} refuses the user or the password, or asks for one that is missing`
      : `no Redis answers at ${addressOf(url)}`
    throw new UsageError(`REDIS_URL: ${what} (${reason})`, { cause })
  }
  const { redis } = await import('../redis.js')
  return redis({ url })
}

/** Only host and port, because the URL may contain a password. */
export function addressOf(url: string): string {
  const { hostname, port } = new URL(url)
  return `${hostname}:${port || 6379}`
}
