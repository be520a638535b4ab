import type { Roomful } from '@roomful/server'
import type { Snapshot } from '../../src/index.js'

/** What a server reads of a room, through JSON, as a page gets it. */
export async function snapshotOf(server: Roomful, id: string): Promise<Snapshot> {
  const snapshot: Snapshot = await server.room(id).snapshot({ as: 'reader' })
  return JSON.parse(JSON.stringify(snapshot)) as Snapshot
}
