import { cp, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { isBuiltin } from 'node:module'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Refusal } from './refusal.js'
import type { Settings } from './settings.js'

const SQLITE_DRIVER = { 'better-sqlite3': '^12.0.0' }

/** Writes the app into its folder. @throws Refusal if the folder is not empty or cannot be created */
export async function createApp({ folder, template }: Settings): Promise<void> {
  await makeEmpty(folder)
  for (const part of ['shared', template])
    await cp(fileURLToPath(new URL(`../templates/${part}`, import.meta.url)), folder, { recursive: true })
  // npm leaves a file of this name out of packages.
  await rename(join(folder, '_gitignore'), join(folder, '.gitignore'))
  await completeManifest(join(folder, 'package.json'), basename(folder))
}

async function makeEmpty(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true })
    if ((await readdir(folder)).length === 0) return
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' || code === 'ENOTDIR') throw new Refusal(`${folder} is a file, not a folder`)
    throw new Refusal(`${folder} cannot be created: ${(error as Error).message}`)
  }
  throw new Refusal(`${folder} is not empty: name a new folder, or an empty one`)
}

/** Fills in the name, the version of the packages, and the SQLite driver if this Node needs one. */
async function completeManifest(file: string, folderName: string): Promise<void> {
  const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'))
  const manifest = JSON.parse(await readFile(file, 'utf8'))
  const dependencies: Record<string, string> = {
    ...manifest.dependencies,
    // Older versions of Node cannot open a SQLite file by themselves.
    ...(!isBuiltin('node:sqlite') && SQLITE_DRIVER),
  }
  for (const name of Object.keys(dependencies))
    if (name.startsWith('@roomful/')) dependencies[name] = `^${version}`
  const complete = { ...manifest, name: packageName(folderName), dependencies: sorted(dependencies) }
  await writeFile(file, `${JSON.stringify(complete, null, 2)}\n`)
}

/** A name that npm accepts. */
function packageName(folderName: string): string {
  const name = folderName
    .toLowerCase()
    .replace(/[^a-z\d-]+/g, '-')
    .replace(/^-+|-+$/g, '')
  return name || 'rooms'
}

function sorted(dependencies: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(dependencies).sort(([a], [b]) => (a < b ? -1 : 1)))
}
