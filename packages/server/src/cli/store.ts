import { existsSync, statSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Backplane } from '../api/contracts/backplane.js'
import { memory } from '../backplane/memory/memory.js'
import { checkFile } from '../backplane/sqlite/damage.js'
import { findDriver, hasDriver } from '../backplane/sqlite/driver.js'
import { places } from '../backplane/sqlite/places.js'
import { sqlite } from '../sqlite.js'
import { openRedis } from './redis.js'
import { type StoreSettings, UsageError } from './settings.js'

const FILE = 'roomful.db'
const CURES =
  'use Node 22.13 or later, or: npm install better-sqlite3@12 (with -g if this command was installed with it)'

/** What keeps the rooms; says where, but for Redis. @throws UsageError if it cannot be used */
export async function openStore(store: StoreSettings): Promise<Backplane> {
  switch (store.kind) {
    case 'redis':
      return openRedis(store.url)
    case 'memory':
      console.log('Roomful: everything is kept in memory, and a restart forgets it')
      return memory()
    case 'file':
      if (hasDriver(places())) return openFolder(store.folder)
      if (store.isChosen)
        throw new UsageError(`nothing here can open a database in ${store.folder}; ${CURES}`)
      console.warn(
        `Roomful: there is no SQLite, so everything is kept in memory, and a restart forgets it; ${CURES}`,
      )
      return memory()
  }
}

async function openFolder(folder: string): Promise<Backplane> {
  try {
    // Only where it is new: a folder that was there may hold what belongs into a repository.
    if (await mkdir(folder, { recursive: true })) await writeFile(join(folder, '.gitignore'), '*\n')
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new UsageError(
      `${folder} cannot be made (${reason}); name another folder with --data, or keep nothing with --memory`,
      { cause },
    )
  }
  const file = join(folder, FILE)
  console.log(`Roomful: everything is kept in ${file}`)
  return sqlite({ file })
}

/**
 * Says what is damaged in a database, which is named itself or by its folder; returns whether nothing is.
 * @throws UsageError if it cannot be read
 */
export function checkDatabase(path: string): boolean {
  const file = statSync(path, { throwIfNoEntry: false })?.isDirectory() ? join(path, FILE) : path
  if (!existsSync(file))
    throw new UsageError(`there is no ${file} to check; name the file, as in: --check data/chat.db`)
  if (!hasDriver(places())) throw new UsageError(`nothing here can open ${file}; ${CURES}`)
  const problems = problemsIn(file)
  for (const problem of problems) console.error(problem)
  if (problems.length > 0)
    console.error(
      `roomful: ${file} is damaged; restore a backup, or keep what \`sqlite3 FILE .recover\` saves`,
    )
  else console.log(`Roomful: nothing is damaged in ${file}`)
  return problems.length === 0
}

function problemsIn(file: string): readonly string[] {
  try {
    return checkFile(file, findDriver(undefined, places()))
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}
