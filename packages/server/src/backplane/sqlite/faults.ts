/** What can happen to a file or its disk, grouped by the remedy. */
export type Fault =
  | 'busy'
  | 'cannot_open'
  | 'damaged'
  | 'full'
  | 'io'
  | 'not_a_database'
  | 'read_only'
  | 'removed'
  | 'wal_removed'
  | 'other'

/** SQLite's result codes, by the names in better-sqlite3 and the numbers in node:sqlite, and error codes of the system. */
const FAULTS: readonly (readonly [name: string, code: number | undefined, fault: Fault])[] = [
  ['SQLITE_BUSY', 5, 'busy'],
  ['SQLITE_LOCKED', 6, 'busy'],
  ['SQLITE_READONLY', 8, 'read_only'],
  ['SQLITE_IOERR', 10, 'io'],
  ['SQLITE_CORRUPT', 11, 'damaged'],
  ['SQLITE_FULL', 13, 'full'],
  ['SQLITE_CANTOPEN', 14, 'cannot_open'],
  ['SQLITE_NOTADB', 26, 'not_a_database'],
  ['EIO', undefined, 'io'],
  ['ENOSPC', undefined, 'full'],
  ['EROFS', undefined, 'read_only'],
  ['EACCES', undefined, 'read_only'],
]

const WHAT_TO_DO: Readonly<Record<Fault, string>> = {
  busy: 'is open elsewhere; stop that process, or give this server a file of its own',
  cannot_open: 'cannot be opened; check that its folder exists and is writable',
  damaged: 'is damaged; stop the server, and restore a backup or keep what `sqlite3 FILE .recover` saves',
  full: 'is on a full disk; free at least 1 MB, and the server continues by itself',
  io: "is on a disk that reports errors; check the system's log, and be ready to restore a backup",
  not_a_database: 'is not an SQLite database; name another file, or move this one away',
  read_only: 'is not writable; fix its permissions, or those of its folder and file system',
  removed:
    'was moved or removed while it was open; put it back, or restart the server, which begins a new one',
  wal_removed:
    'has lost the -wal file beside it, which was moved or removed while it was open; end the server with SIGTERM, which saves what was in it, and start it again',
  other: 'could not be used',
}

/** A failure with its remedy, in one sentence that names the file. */
export class FileFault extends Error {
  constructor(
    file: string,
    readonly fault: Fault,
    cause?: unknown,
  ) {
    const told = cause instanceof Error ? ` (${cause.message})` : ''
    super(`sqlite: ${file} ${WHAT_TO_DO[fault]}${told}`, { cause })
  }
}

export function faultOf(error: unknown): Fault {
  if (error instanceof FileFault) return error.fault
  const { code, errcode }: { code?: unknown; errcode?: unknown } = Object(error)
  const known = FAULTS.find(([name, number]) =>
    typeof errcode === 'number' ? (errcode & 0xff) === number : String(code).startsWith(name),
  )
  return known?.[2] ?? 'other'
}

/** Turns the failure into a sentence for people. */
export function explained(file: string, error: unknown): Error {
  return error instanceof FileFault || isTold(error) ? error : new FileFault(file, faultOf(error), error)
}

const isTold = (error: unknown): error is Error =>
  error instanceof Error && error.message.startsWith('sqlite: ')
