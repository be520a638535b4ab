import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'

/**
 * Tells others whose lock it is. The lock itself is SQLite's, which ends with the process that has it; this file is a
 * note beside it, which may be left over from one that was killed.
 */
export class OwnerNote {
  readonly #path: string

  constructor(file: string) {
    this.#path = `${file}-owner`
  }

  write(): void {
    const owner = { pid: process.pid, host: hostname(), since: new Date().toISOString() }
    writeFileSync(this.#path, `${JSON.stringify(owner)}\n`)
  }

  remove(): void {
    rmSync(this.#path, { force: true })
  }

  /** As in "is in use by process 4711 on ada since …". */
  read(): string {
    try {
      const { pid, host, since } = JSON.parse(readFileSync(this.#path, 'utf8'))
      return `process ${Number(pid)} on ${String(host)} since ${String(since)}`
    } catch {
      // Not there, or being written: only the name is missing then.
      return 'another process'
    }
  }
}
