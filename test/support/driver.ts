import { symlink } from 'node:fs/promises'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ours = fileURLToPath(new URL('../../node_modules/better-sqlite3', import.meta.url))

/** As `npm install better-sqlite3` leaves it, which the README asks for on Node 20, without compiling it each time. */
export async function installDriver(folder: string): Promise<void> {
  if (!isBuiltin('node:sqlite')) await symlink(ours, join(folder, 'node_modules/better-sqlite3'))
}
