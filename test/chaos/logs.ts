import { createClient } from 'redis'
import type { Seen } from '../sim/oracle.js'

/** The logs of rooms as they stand in a Redis, read past the product. */
export async function readLogs(
  url: string,
  rooms: readonly string[],
): Promise<ReadonlyMap<string, readonly Seen[]>> {
  const client = createClient({ url })
  await client.connect()
  try {
    const logs = new Map<string, readonly Seen[]>()
    for (const room of rooms) {
      const epoch = (await client.hGet(`roomful:meta:{${room}}`, 'epoch')) ?? ''
      const entries = await client.xRange(`roomful:log:{${room}}`, '-', '+')
      const seen = (entries ?? []).map(({ id, message }) => toSeen(id, epoch, message))
      logs.set(room, seen)
    }
    return logs
  } finally {
    client.destroy()
  }
}

function toSeen(id: string, epoch: string, { i = '', m = '' }: Readonly<Record<string, string>>): Seen {
  const { message = '', client_id: clientId }: { message?: string; client_id?: string } = JSON.parse(`${m}}`)
  return { epoch, offset: Number(id.split('-')[0]), id: i, clientId, text: message }
}
