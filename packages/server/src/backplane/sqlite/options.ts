import { resolve } from 'node:path'
import { assertOptions, is, type OptionRules } from '@roomful/protocol/options'
import type { DriverName } from './driver.js'

export interface SqliteOptions {
  /** The file that keeps everything; it and its folder are made if they are not there. Beside it are `-wal` and `-owner`. */
  readonly file: string
  /**
   * With `full`, a message is acknowledged once the disk has it, and outlives a power cut (`durability: 'disk'`); with `normal`,
   * once the operating system has it, and outlives the process alone (`durability: 'buffered'`). @default 'full'
   */
  readonly sync?: 'full' | 'normal'
  /**
   * What opens the file: `node:sqlite`, which Node has since 22.13, or the package `better-sqlite3`.
   * @default 'node:sqlite' where Node has it, else 'better-sqlite3'
   */
  readonly driver?: DriverName
  /** How long to wait for a file that another process has, in ms: longer than that process takes to end. @default 30_000 */
  readonly lockTimeoutMs?: number
  /** How long a client's message is remembered, in ms. Clients are told, and never repeat one blindly after it. @default 600_000 */
  readonly dedupeMs?: number
}

export type SqliteSettings = Required<Omit<SqliteOptions, 'driver'>> & {
  readonly driver: DriverName | undefined
}

const DEFAULTS = { sync: 'full', driver: undefined, lockTimeoutMs: 30_000, dedupeMs: 600_000 } as const

const OPTIONS: OptionRules<SqliteOptions> = {
  file: is.rule(
    "the path of a file, such as './data/chat.db'",
    (value) =>
      typeof value === 'string' && value !== '' && value !== ':memory:' && !/[\0]|^file:/.test(value),
  ),
  sync: is.oneOf('full', 'normal'),
  driver: is.oneOf('node:sqlite', 'better-sqlite3'),
  lockTimeoutMs: is.duration,
  dedupeMs: is.positive,
}

/** @throws TypeError for an option that cannot work, with what to do about it */
export function resolveSettings(given: SqliteOptions): SqliteSettings {
  assertOptions('sqlite', given, OPTIONS)
  if (given.file === undefined)
    throw new TypeError("sqlite: name the file that keeps the messages, such as { file: './data/chat.db' }")
  return { ...DEFAULTS, ...given, file: resolve(given.file) }
}
