import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'

/**
 * Tells other processes who holds the lock. The lock itself is SQLite's, and ends with the process that holds it.
 * This file is only a note beside it, which may remain from a killed process.
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

  /** For the sentence "is in use by process 4711 on ada since …". */
  read(): string {
    try {
      const { pid, host, since } = JSON.parse(readFileSync(this.#path, 'utf8'))
      return `process ${Number(pid)} on ${String(host)} since ${String(since)}`
    } catch {
      // The note is missing or being written, so only the name is unknown.
      return 'another process'
    }
  }
}
