import { hostname } from 'node:os'
import type { Files } from './files.js'

/**
 * Tells other processes who holds the lock. The lock itself is SQLite's, and ends with the process that holds it.
 * This file is only a note beside it, which may remain from a killed process.
 */
export class OwnerNote {
  readonly #path: string

  constructor(
    file: string,
    private readonly files: Files,
  ) {
    this.#path = `${file}-owner`
  }

  write(): void {
    const owner = { pid: process.pid, host: hostname(), since: new Date().toISOString() }
    this.files.writeText(this.#path, `${JSON.stringify(owner)}\n`)
  }

  remove(): void {
    this.files.remove(this.#path)
  }

  /** For the sentence "is in use by process 4711 on ada since …". */
  read(): string {
    try {
      const { pid, host, since } = JSON.parse(this.files.readText(this.#path))
      return `process ${Number(pid)} on ${String(host)} since ${String(since)}`
    } catch {
      // The note is missing or being written, so only the name is unknown.
      return 'another process'
    }
  }
}
