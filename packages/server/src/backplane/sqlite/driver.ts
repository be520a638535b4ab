import { createRequire, isBuiltin } from 'node:module'

export type Value = string | number | null
export type Row = Readonly<Record<string, unknown>>

export interface Statement {
  get(...values: Value[]): Row | undefined
  all(...values: Value[]): Row[]
  iterate(...values: Value[]): Iterable<Row>
  run(...values: Value[]): { readonly changes: number | bigint; readonly lastInsertRowid: number | bigint }
}

/** One connection. It is synchronous, so it runs in a separate thread. */
export interface Driver {
  exec(sql: string): void
  /** Returns the same statement for the same text. */
  prepare(sql: string): Statement
  /** Copies the database to another file in steps, while it remains in use. */
  backup(file: string): Promise<void>
  close(): void
}

export type DriverName = 'node:sqlite' | 'better-sqlite3'

/** The part that both packages have in common. */
interface Connection {
  exec(sql: string): unknown
  prepare(sql: string): Statement
  close(): unknown
}

interface NodeSqlite {
  readonly DatabaseSync: new (file: string) => Connection
  /** Since Node 22.16. */
  readonly backup?: (connection: Connection, file: string) => Promise<unknown>
}

type BetterSqlite3 = new (
  file: string,
  options: { timeout: number },
) => Connection & {
  backup(file: string): Promise<unknown>
}

/** Opens a file with the requested driver, or with the first available one. */
export type Open = (file: string) => Driver

/**
 * Finds a driver. `places` are modules from which better-sqlite3 is looked up: after bundling, this code may not be
 * where the application's packages are.
 * @throws Error that names both remedies
 */
export function findDriver(asked: DriverName | undefined, places: readonly string[]): Open {
  const withNode = asked === 'better-sqlite3' ? undefined : nodeSqlite()
  if (withNode) return withNode
  const withBetter = asked === 'node:sqlite' ? undefined : betterSqlite3(places)
  if (withBetter) return withBetter
  throw new Error(
    asked === 'node:sqlite'
      ? `sqlite: Node ${process.versions.node} has no node:sqlite; use Node 22.13 or later`
      : 'sqlite: no driver for SQLite is installed; use Node 22.13 or later, or install better-sqlite3: npm install better-sqlite3@12',
  )
}

/** Whether there is a driver. Does not load node:sqlite, because Node 22 prints a warning for it in each thread. */
export function hasDriver(places: readonly string[]): boolean {
  return isBuiltin('node:sqlite') || betterSqlite3(places) !== undefined
}

function nodeSqlite(): Open | undefined {
  let sqlite: NodeSqlite
  try {
    sqlite = createRequire(`${process.cwd()}/`)('node:sqlite')
  } catch {
    // Node 20, or 22 before 22.13. The error that follows if the other driver is missing too says what to do.
    return undefined
  }
  const { DatabaseSync, backup } = sqlite
  return (file) => {
    const connection = new DatabaseSync(file)
    return driverOf(connection, async (copy) => {
      if (!backup) throw new Error('a backup by node:sqlite needs Node 22.16 or later')
      await backup(connection, copy)
    })
  }
}

function betterSqlite3(places: readonly string[]): Open | undefined {
  for (const place of places) {
    try {
      const Database: BetterSqlite3 = createRequire(place)('better-sqlite3')
      // The package can be installed without its binary, if install scripts were not allowed.
      new Database(':memory:', { timeout: 0 }).close()
      return (file) => {
        const connection = new Database(file, { timeout: 0 })
        return driverOf(connection, async (copy) => void (await connection.backup(copy)))
      }
    } catch {
      // Not found from there. If it is found nowhere, findDriver reports it.
    }
  }
  return undefined
}

function driverOf(connection: Connection, backup: (file: string) => Promise<void>): Driver {
  const statements = new Map<string, Statement>()
  return {
    exec: (sql) => void connection.exec(sql),
    prepare(sql) {
      const known = statements.get(sql)
      if (known) return known
      const statement = connection.prepare(sql)
      statements.set(sql, statement)
      return statement
    },
    backup,
    close: () => void connection.close(),
  }
}
