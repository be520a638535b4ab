import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { NodeLink } from '../../../src/api/contracts/backplane.js'
import type { LogFields } from '../../../src/api/contracts/logger.js'
import { type SqliteOptions, sqlite } from '../../../src/sqlite.js'
import { VirtualClock } from '../../../src/testing.js'

/** Those that this Node can run: node:sqlite where Node has it, and better-sqlite3 where its binary was made. */
export const DRIVERS = isBuiltin('node:sqlite') ? (['node:sqlite'] as const) : (['better-sqlite3'] as const)

/** A path in a folder of its own, which goes with the test. */
export function newFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'roomful-sqlite-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'chat.db')
}

/** Collects what is logged. */
export class Lines {
  readonly lines: string[] = []
  readonly logger = {
    debug: () => {},
    info: (_: LogFields, line: string) => void this.lines.push(line),
    warn: (_: LogFields, line: string) => void this.lines.push(line),
    error: (_: LogFields, line: string) => void this.lines.push(line),
  }
}

export function nodeLink(over: Partial<NodeLink> = {}): NodeLink {
  return {
    clock: new VirtualClock(),
    logger: new Lines().logger,
    graceMs: 10_000,
    listedMembers: 200,
    newId: randomUUID,
    receive: () => {},
    ...over,
  }
}

/** A backplane on a file, started. */
export async function opened(options: SqliteOptions, over: Partial<NodeLink> = {}) {
  const backplane = sqlite({ lockTimeoutMs: 0, ...options })
  await backplane.start(nodeLink(over))
  return backplane
}
