/*
 * Puts the binary of better-sqlite3 in its place where Node has no node:sqlite of its own. `npm ci` leaves it out, since where no
 * prebuilt one can be had it compiles for a minute; so it is made once a machine, and copied from its cache from then on.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = join(root, 'node_modules', 'better-sqlite3')
const binary = join(folder, 'build', 'Release', 'better_sqlite3.node')

/** Returns whether there is something to open a file with. */
export function ensureBetterSqlite3(): boolean {
  if (isBuiltin('node:sqlite') || existsSync(binary)) return true
  if (!existsSync(folder)) return false
  const cached = cachedBinary()
  if (!existsSync(cached) && !makeBinary(cached)) return false
  if (!existsSync(binary)) copy(cached, binary)
  return true
}

function cachedBinary(): string {
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const { XDG_CACHE_HOME = join(homedir(), '.cache') } = process.env
  const { platform, arch, versions } = process
  return join(
    XDG_CACHE_HOME,
    'roomful',
    `better-sqlite3-${version}-${platform}-${arch}-${versions.modules}.node`,
  )
}

/** By the install script of the package: a prebuilt one, or the compiler's. */
function makeBinary(cached: string): boolean {
  console.log('better-sqlite3: getting its binary, once; this takes a minute where it must be compiled')
  const { status } = spawnSync('npm', ['run', 'install', '--silent'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if (status !== 0 || !existsSync(binary)) return false
  copy(binary, cached)
  return true
}

/** Whole or not at all: another process may be doing the same. */
function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true })
  cpSync(from, `${to}.${process.pid}`)
  renameSync(`${to}.${process.pid}`, to)
}

if (process.argv[1] === fileURLToPath(import.meta.url) && !ensureBetterSqlite3()) {
  console.error('better-sqlite3: there is no binary; install a C++ compiler, or take Node 22.13 or later')
  process.exitCode = 1
}
