import type { Seen } from '../sim/oracle.js'
import { type AnyFrame, WireClient } from '../support/wire-client.js'

/** Reads the logs of rooms page by page, from the first entry to the last. */
export async function readLogs(
  port: number,
  rooms: readonly string[],
): Promise<ReadonlyMap<string, readonly Seen[]>> {
  const logs = new Map<string, readonly Seen[]>()
  for (const room of rooms) {
    const client = await WireClient.open(port)
    await client.join(room)
    logs.set(room, await readLog(client, room))
    client.socket.terminate()
  }
  return logs
}

async function readLog(client: WireClient, room: string): Promise<readonly Seen[]> {
  const log: Seen[] = []
  for (let isMore = true; isMore; ) {
    const after = log.at(-1)?.offset ?? 0
    const page = await client.ask({ type: 'history', room_id: room, after, limit: 1_000 }, 'history')
    log.push(...(page.messages as readonly AnyFrame[]).map(toSeen))
    isMore = page.more
  }
  return log
}

function toSeen({ epoch, offset, id, client_id: clientId, message }: AnyFrame): Seen {
  return {
    epoch: String(epoch),
    offset: Number(offset),
    id: String(id),
    clientId: clientId === undefined ? undefined : String(clientId),
    text: String(message),
  }
}
