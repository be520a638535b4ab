import { type RoomRetention, resolveSettings, type SqliteOptions } from './backplane/sqlite/options.js'
import { places } from './backplane/sqlite/places.js'
import { shareStore } from './backplane/sqlite/shared-store.js'
import { SqliteBackplane, type SqliteStore } from './backplane/sqlite/sqlite-backplane.js'

export type { RoomRetention, SqliteOptions, SqliteStore }

/**
 * Keeps the logs in one file, for a single process. Acknowledged messages are on disk: a restart, a crash or a power
 * cut loses none of them. Requires Node 22.13 or later, or the package `better-sqlite3`.
 * @throws TypeError for an option that cannot work; it says how to fix it
 *
 * @example
 * createServer({ backplane: sqlite({ file: './data/chat.db' }) })
 */
export function sqlite(options: SqliteOptions): SqliteStore {
  const settings = resolveSettings(options)
  const { retention: _onThisSide, ...ofThread } = settings
  const worker = { ...ofThread, places: places() }
  return new SqliteBackplane(settings, (node) => shareStore(worker, node))
}
