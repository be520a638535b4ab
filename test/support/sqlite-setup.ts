import { ensureBetterSqlite3 } from '../../scripts/better-sqlite3.js'

/** Runs once before all tests: on Node 20, the tests of the store on disk need better-sqlite3's binary. */
export default function setup(): void {
  if (!ensureBetterSqlite3())
    console.warn('better-sqlite3 has no binary here: the tests of the store on disk will fail')
}
