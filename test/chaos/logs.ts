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
      const [key = ''] = await client.keys(`roomful:{*}:log:${room}`)
      const fields = await client.hGetAll(key)
      const [epoch = '', newest = '0', , oldest = '1'] = (fields.h ?? '').split('\n')
      const seen: Seen[] = []
      for (let offset = Number(oldest); offset <= Number(newest); offset++)
        seen.push(toSeen(offset, epoch, fields[offset] ?? ''))
      logs.set(room, seen)
    }
    return logs
  } finally {
    client.destroy()
  }
}

function toSeen(offset: number, epoch: string, raw: string): Seen {
  const [id = '', , , , open] = raw.split('\n')
  const { message = '', client_id: clientId }: { message?: string; client_id?: string } = JSON.parse(
    `${open}}`,
  )
  return { epoch, offset, id, clientId, text: message }
}
