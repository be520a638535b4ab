import { createRequire } from 'node:module'

export interface OpenDatabase {
  exec(sql: string): unknown
  prepare(sql: string): { run(...values: string[]): unknown; all(): Record<string, string>[] }
  close(): void
}

/** A SQLite file, opened by what this Node has: `node:sqlite` since 22.13, else `better-sqlite3`. */
export function openDatabase(file: string): OpenDatabase {
  const load = createRequire(import.meta.url)
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const hasSqlite = major > 22 || (major === 22 && minor >= 13)
  const Driver = hasSqlite ? load('node:sqlite').DatabaseSync : load('better-sqlite3')
  return new Driver(file)
}
