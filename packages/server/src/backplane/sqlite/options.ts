import { resolve } from 'node:path'
import { assertOptions, is, type OptionRules } from '@roomful/protocol/options'
import type { DriverName } from './driver.js'

export interface SqliteOptions {
  /**
   * The file that keeps everything; it and its folder are created if necessary. Beside it are `-wal` and `-owner`.
   */
  readonly file: string
  /**
   * With `full`, a message is acknowledged once the disk has it, and survives a power cut (`durability: 'disk'`).
   * With `normal`, it is acknowledged once the operating system has it, and survives only the end of the process
   * (`durability: 'buffered'`).
   * @default 'full'
   */
  readonly sync?: 'full' | 'normal'
  /**
   * Opens the file: `node:sqlite`, which Node has since 22.13, or the package `better-sqlite3`.
   * @default 'node:sqlite' if Node has it, else 'better-sqlite3'
   */
  readonly driver?: DriverName
  /**
   * How long to wait for a file that another process is using, in ms: longer than that process takes to end.
   * @default 30_000
   */
  readonly lockTimeoutMs?: number
  /**
   * How long a client's message is remembered, in ms. Clients receive this time, and never repeat a message blindly
   * after it.
   * @default 600_000
   */
  readonly dedupeMs?: number
  /**
   * How many client messages the file remembers, for all rooms together, at about 150 bytes each. An older repeat is
   * refused with `outcome_unknown`. Let it cover what all rooms take in within a minute: for so long, a connection
   * that its client has given up may deliver a message that came again on another.
   * @default 1_000_000
   */
  readonly dedupeCount?: number
  /**
   * How much of its log a room keeps: the same for all rooms, or by the room's name (`@user:ID` for a user's stream).
   * @default everything
   */
  readonly retention?: RoomRetention | ((room: string) => RoomRetention | undefined)
  /**
   * Size of the file in bytes above which the largest rooms lose their oldest entries; `Infinity` lets it grow.
   * @default 4_294_967_296
   */
  readonly maxFileBytes?: number
  /** How many users' marks a room keeps; the one that was moved longest ago goes first. @default 10_000 */
  readonly marksCount?: number
  /** How long a user's mark is kept after it was moved last, in ms. @default 7_776_000_000, 90 days */
  readonly marksMs?: number
}

/** Entries beyond these limits are dropped, the oldest first. A resume from before them gets `recovered: false`. */
export interface RoomRetention {
  /** Maximum number of messages. @default Infinity */
  readonly count?: number
  /**
   * Maximum number of entries in the log, messages with their edits and deletions. Messages beyond it stay in pages,
   * within `count`: many edits do not push them out.
   * @default twice `count`
   */
  readonly entries?: number
  /** Maximum bytes of the messages, and of the entries in the log: the text, plus 120 for each. @default Infinity */
  readonly bytes?: number
  /**
   * Maximum age of an entry, in ms. Nothing is dropped by age in the first ten minutes, or in the ten minutes after
   * the clock was set.
   * @default Infinity
   */
  readonly ageMs?: number
}

export type SqliteSettings = Required<Omit<SqliteOptions, 'driver' | 'retention'>> & {
  readonly driver: DriverName | undefined
  readonly retention: SqliteOptions['retention'] | undefined
}

const DEFAULTS = {
  sync: 'full',
  driver: undefined,
  lockTimeoutMs: 30_000,
  dedupeMs: 600_000,
  dedupeCount: 1_000_000,
  retention: undefined,
  maxFileBytes: 4 * 1024 * 1024 * 1024,
  marksCount: 10_000,
  marksMs: 7_776_000_000,
} as const

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
  dedupeCount: is.positive,
  retention: is.rule(
    'an object such as { ageMs: 86_400_000 }, or a function of the room that returns one',
    (value) => is.function.accepts(value) || is.object.accepts(value),
  ),
  maxFileBytes: is.positive,
  marksCount: is.positive,
  marksMs: is.positive,
}

const RETENTION: OptionRules<RoomRetention> = {
  count: is.positive,
  entries: is.positive,
  bytes: is.positive,
  ageMs: is.positive,
}

/** @throws TypeError for limits that no room can have */
export function assertRetention(retention: RoomRetention): void {
  assertOptions('sqlite', retention, RETENTION, 'retention')
}

/** @throws TypeError for an option that cannot work; it says how to fix it */
export function resolveSettings(given: SqliteOptions): SqliteSettings {
  assertOptions('sqlite', given, OPTIONS)
  if (given.file === undefined)
    throw new TypeError("sqlite: name the file that keeps the messages, such as { file: './data/chat.db' }")
  if (typeof given.retention === 'object') assertRetention(given.retention)
  return { ...DEFAULTS, ...given, file: resolve(given.file) }
}
