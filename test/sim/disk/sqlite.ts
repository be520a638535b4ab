import type { Driver, Row, Statement, Value } from '../../../packages/server/src/backplane/sqlite/driver.js'
import type { DiskError, ModelDisk } from './model-disk.js'

/** The part of @sqlite.org/sqlite-wasm that is used here. Pointers are numbers. */
interface Sqlite {
  readonly config: { warn: (...what: unknown[]) => void }
  readonly capi: {
    readonly sqlite3_file: (new (pointer: number) => Struct) & { readonly structInfo: { sizeof: number } }
    readonly sqlite3_io_methods: new () => Struct
    readonly sqlite3_vfs: new (pointer?: number) => Struct
    sqlite3_vfs_find(name: null): number
    sqlite3_exec(connection: Connection, sql: string, each: 0, context: 0, error: 0): number
    sqlite3_errmsg(connection: Connection): string
    sqlite3_changes(connection: Connection): number
    sqlite3_last_insert_rowid(connection: Connection): number | bigint
  }
  readonly wasm: {
    heap8u(): Uint8Array
    poke(pointer: number, value: number | bigint, type: 'i32' | 'i64' | 'double'): void
    cstrToJs(pointer: number): string
    cstrncpy(to: number, from: number, length: number): number
  }
  readonly vfs: {
    installVfs(parts: {
      io: { struct: Struct; methods: object }
      vfs: { struct: Struct; methods: object; name: string }
    }): void
  }
  readonly oo1: { DB: new (options: { filename: string; flags: 'c'; vfs: string }) => Connection }
}

interface Struct {
  readonly pointer: number
  dispose(): void
  [member: `$${string}`]: number | null
}

interface Connection {
  prepare(sql: string): Prepared
  close(): void
}

interface Prepared {
  bind(values: readonly Value[]): unknown
  step(): boolean
  get(into: unknown[]): readonly unknown[]
  getColumnNames(): readonly string[]
  reset(): unknown
  finalize(): unknown
}

/** One process's use of a disk. Once the process is dead, nothing that it does reaches the disk. */
export interface Mount {
  readonly disk: ModelDisk
  isDead: boolean
}

interface OpenFile extends Mount {
  readonly path: string
  /** How many failed syncs of the file it knows of. */
  failures: number
}

// Result codes of sqlite3.h, which `sqlite3_io_methods` returns.
const OK = 0
const NOT_FOUND = 12
const FULL = 13
const CANNOT_OPEN = 14
const IO_ERROR_READ = 10 | (1 << 8)
const IO_ERROR_SHORT_READ = 10 | (2 << 8)
const IO_ERROR_WRITE = 10 | (3 << 8)
const IO_ERROR_SYNC = 10 | (4 << 8)
const POWERSAFE_OVERWRITE = 0x1000
const SECTOR_BYTES = 4096
const VFS = 'model-disk'

const mounts = new Map<string, Mount>()
const openFiles = new Map<number, OpenFile>()
let mountCount = 0

// Imported by a name that the compiler does not resolve: the interface above replaces its types.
const PACKAGE: string = '@sqlite.org/sqlite-wasm'
const sqlite: Sqlite = await (await import(PACKAGE)).default()
// Otherwise it prints each error in addition to throwing it.
sqlite.config.warn = () => {}
install()

/** SQLite itself, on a model of a disk. Only files and time are simulated. */
export function openOn(mount: Mount): Driver {
  const prefix = `${++mountCount}`
  mounts.set(prefix, mount)
  const connection = new sqlite.oo1.DB({ filename: `${prefix}/chat.db`, flags: 'c', vfs: VFS })
  const statements = new Map<string, Statement & { finalize(): void }>()
  return {
    exec: (sql) => check(connection, sqlite.capi.sqlite3_exec(connection, sql, 0, 0, 0)),
    prepare(sql) {
      const known = statements.get(sql)
      if (known) return known
      const statement = told(() => statementOf(connection, connection.prepare(sql)))
      statements.set(sql, statement)
      return statement
    },
    backup: async () => {
      throw new Error('the model makes its backups by itself')
    },
    close() {
      for (const statement of statements.values()) statement.finalize()
      connection.close()
      mounts.delete(prefix)
    },
  }
}

function statementOf(connection: Connection, prepared: Prepared): Statement & { finalize(): void } {
  const begin = (values: readonly Value[]) => void (values.length > 0 && prepared.bind(values))
  /** After an error, the statement has already been reset, and resetting it reports the error again. */
  const end = () => {
    try {
      prepared.reset()
    } catch {
      // As above.
    }
  }
  let names: readonly string[] | undefined
  const rowOf = (values: readonly unknown[]): Row => {
    names ??= prepared.getColumnNames()
    return Object.fromEntries(names.map((name, column) => [name, values[column]]))
  }
  const row = (): Row | undefined => (prepared.step() ? rowOf(prepared.get([])) : undefined)
  const first = (values: readonly Value[]): Row | undefined =>
    told(() => {
      try {
        begin(values)
        return row()
      } finally {
        end()
      }
    })
  const rows = function* (values: readonly Value[]): Generator<Row> {
    try {
      told(() => begin(values))
      for (let next = told(row); next; next = told(row)) yield next
    } finally {
      end()
    }
  }
  return {
    get: (...values) => first(values),
    all: (...values) => [...rows(values)],
    iterate: (...values) => rows(values),
    run(...values) {
      first(values)
      const { sqlite3_changes, sqlite3_last_insert_rowid } = sqlite.capi
      return {
        changes: sqlite3_changes(connection),
        lastInsertRowid: sqlite3_last_insert_rowid(connection),
      }
    },
    finalize: () => void prepared.finalize(),
  }
}

/** Turns errors into those of node:sqlite. */
function told<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    const { resultCode, message }: { resultCode?: number; message?: string } = Object(error)
    throw resultCode === undefined ? error : Object.assign(new Error(message), { errcode: resultCode })
  }
}

function check(connection: Connection, code: number): void {
  if (code !== OK) throw Object.assign(new Error(sqlite.capi.sqlite3_errmsg(connection)), { errcode: code })
}

function install(): void {
  const { capi, vfs: installer } = sqlite
  const usual = new capi.sqlite3_vfs(capi.sqlite3_vfs_find(null))
  const io = new capi.sqlite3_io_methods()
  const vfs = new capi.sqlite3_vfs()
  io.$iVersion = 1
  vfs.$iVersion = 2
  vfs.$szOsFile = capi.sqlite3_file.structInfo.sizeof
  vfs.$mxPathname = 64
  vfs.$xRandomness = usual.$xRandomness ?? null
  vfs.$xSleep = usual.$xSleep ?? null
  installer.installVfs({
    io: { struct: io, methods: fileMethods() },
    vfs: { struct: vfs, methods: diskMethods(io), name: VFS },
  })
}

/** SQLite's operations on an open file. */
function fileMethods(): object {
  const { wasm } = sqlite
  return {
    xClose: (pointer: number) => {
      openFiles.delete(pointer)
      return OK
    },
    xRead: (pointer: number, to: number, length: number, offset: bigint) =>
      withFile(pointer, IO_ERROR_READ, ({ disk, path }) => {
        const bytes = disk.read(path, Number(offset), length)
        const heap = wasm.heap8u()
        heap.set(bytes, to)
        heap.fill(0, to + bytes.length, to + length)
        return bytes.length < length ? IO_ERROR_SHORT_READ : OK
      }),
    xWrite: (pointer: number, from: number, length: number, offset: bigint) =>
      withFile(pointer, IO_ERROR_WRITE, ({ disk, path }) => {
        const bytes = wasm.heap8u().subarray(from, from + length)
        return codeOf(disk.write(path, Number(offset), bytes), IO_ERROR_WRITE)
      }),
    xTruncate: (pointer: number, size: bigint) =>
      withFile(pointer, IO_ERROR_WRITE, ({ disk, path }) =>
        codeOf(disk.truncate(path, Number(size)), IO_ERROR_WRITE),
      ),
    xSync: (pointer: number) =>
      withFile(pointer, IO_ERROR_SYNC, (file) => codeOf(syncOpen(file), IO_ERROR_SYNC)),
    xFileSize: (pointer: number, to: number) =>
      withFile(pointer, IO_ERROR_READ, ({ disk, path }) => {
        wasm.poke(to, BigInt(disk.size(path)), 'i64')
        return OK
      }),
    xLock: () => OK,
    xUnlock: () => OK,
    xCheckReservedLock: (_: number, to: number) => {
      wasm.poke(to, 0, 'i32')
      return OK
    },
    xFileControl: () => NOT_FOUND,
    xSectorSize: () => SECTOR_BYTES,
    xDeviceCharacteristics: () => POWERSAFE_OVERWRITE,
  }
}

/** SQLite's operations on paths. */
function diskMethods(io: Struct): object {
  const { capi, wasm } = sqlite
  return {
    xOpen: (_: number, name: number, pointer: number, flags: number, toFlags: number) => {
      const found = name === 0 ? undefined : fileOf(wasm.cstrToJs(name))
      if (!found || found.isDead) return CANNOT_OPEN
      found.disk.create(found.path)
      const struct = new capi.sqlite3_file(pointer)
      struct.$pMethods = io.pointer
      struct.dispose()
      openFiles.set(pointer, found)
      if (toFlags !== 0) wasm.poke(toFlags, flags, 'i32')
      return OK
    },
    xDelete: (_: number, name: number) => {
      const found = fileOf(wasm.cstrToJs(name))
      if (found && !found.isDead) found.disk.delete(found.path)
      return OK
    },
    xAccess: (_: number, name: number, __: number, to: number) => {
      const found = fileOf(wasm.cstrToJs(name))
      const isThere = found?.disk.has(found.path) && found.disk.size(found.path) > 0
      wasm.poke(to, isThere ? 1 : 0, 'i32')
      return OK
    },
    xFullPathname: (_: number, name: number, length: number, to: number) =>
      wasm.cstrncpy(to, name, length) < length ? OK : CANNOT_OPEN,
    xGetLastError: () => OK,
    // SQLite's own clock is never used for what is stored.
    xCurrentTime: (_: number, to: number) => {
      wasm.poke(to, 2_461_041.5, 'double')
      return OK
    },
    xCurrentTimeInt64: (_: number, to: number) => {
      wasm.poke(to, 212_633_985_600_000n, 'i64')
      return OK
    },
  }
}

function fileOf(name: string): OpenFile | undefined {
  const [prefix = '', path = ''] = name.split('/')
  const mount = mounts.get(prefix)
  return (
    mount && {
      path,
      disk: mount.disk,
      failures: mount.disk.failuresOf(path),
      get isDead() {
        return mount.isDead
      },
    }
  )
}

function withFile(pointer: number, failure: number, work: (file: OpenFile) => number): number {
  const file = openFiles.get(pointer)
  return !file || file.isDead ? failure : work(file)
}

/** Also fails if a sync of somebody else has failed since the file was opened or synced last, as on Linux. */
function syncOpen(file: OpenFile): DiskError | undefined {
  const { disk, path } = file
  const known = file.failures
  const error = disk.sync(path)
  file.failures = disk.failuresOf(path)
  return file.failures > known ? 'io' : error
}

const codeOf = (error: DiskError | undefined, io: number): number =>
  error === undefined ? OK : error === 'full' ? FULL : io
