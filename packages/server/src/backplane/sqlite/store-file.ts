import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs'
import { dirname } from 'node:path'
import type { Driver, Open } from './driver.js'
import { FileFault } from './faults.js'
import { OwnerNote } from './lock.js'
import { numberIn } from './rows.js'
import { assertOurs, migrate } from './schema.js'

export interface FileSettings {
  /** An absolute path. */
  readonly file: string
  readonly sync: 'full' | 'normal'
}

const CACHE_KIB = 16 * 1024
/**
 * A checkpoint happens after this many bytes, and in any case before the write-ahead log is larger than the database.
 */
const CHECKPOINT_BYTES = 16 * 1024 * 1024
const LARGEST_WAL_BYTES = 64 * 1024 * 1024
/** Roughly what a commit and a message write in addition to the text: whole pages. */
const COMMIT_BYTES = 16 * 1024
const MESSAGE_BYTES = 4 * 1024

/** The file, opened and locked for this process, and what is written outside the transactions. */
export class StoreFile {
  readonly driver: Driver
  readonly #note: OwnerNote
  readonly #inode: bigint | undefined
  readonly #walInode: bigint | undefined
  /** Roughly the bytes written since the last checkpoint; SQLite does not report them. */
  #unmoved = 0

  /**
   * @throws an error of SQLite, `SQLITE_BUSY` while another process is using the file; or an Error that says what to
   * do
   */
  constructor(
    private readonly settings: FileSettings,
    open: Open,
  ) {
    const { file } = settings
    mkdirSync(dirname(file), { recursive: true })
    this.driver = open(file)
    try {
      // Before anything is read: a database that is opened shared would keep its index in shared memory.
      this.driver.exec('PRAGMA locking_mode = EXCLUSIVE')
      assertOurs(this.driver, file)
      this.#configure()
      migrate(this.driver)
      this.#note = new OwnerNote(file)
      this.#note.write()
      this.#inode = inodeOf(file)
      this.#walInode = inodeOf(walOf(file))
    } catch (error) {
      this.driver.close()
      throw error
    }
  }

  /**
   * Writes a group in one transaction, which is on disk when this returns.
   * @throws whatever `write` or SQLite throws; nothing is written then
   */
  commit<T>(write: () => T, messages = 0, bytes = 0): T {
    const { driver } = this
    driver.prepare('BEGIN IMMEDIATE').run()
    const before = this.#changes()
    let written: T
    try {
      written = write()
      // Before the commit: what is committed and then refused would be in the log of a file that is put back, and told to nobody.
      this.#assertThere()
      driver.prepare('COMMIT').run()
    } catch (error) {
      this.#rollBack()
      throw error
    }
    if (this.#changes() !== before) this.#unmoved += COMMIT_BYTES + messages * MESSAGE_BYTES + bytes
    return written
  }

  /** Writes a row, so that a commit has something to sync. */
  touch(): void {
    this.driver
      .prepare("INSERT OR REPLACE INTO meta (name, value) VALUES ('touched', ?)")
      .run(new Date().toISOString())
  }

  /** Moves committed pages into the database, if there are enough of them or there is nothing else to do. */
  checkpoint(isIdle: boolean): void {
    if (this.#unmoved === 0 || (!isIdle && this.#unmoved < CHECKPOINT_BYTES)) return
    const isLarge = walBytes(this.settings.file) > LARGEST_WAL_BYTES
    this.driver.prepare(`PRAGMA wal_checkpoint(${isLarge ? 'TRUNCATE' : 'PASSIVE'})`).all()
    this.#unmoved = 0
  }

  /** Writes the database anew, so that no byte of what was deleted is left in it or beside it. Messages wait meanwhile. */
  compact(): void {
    this.driver.exec('VACUUM')
    this.emptyJournal()
    this.#assertThere()
  }

  /** Moves all that was committed into the database, and leaves nothing in the journal beside it. */
  emptyJournal(): void {
    this.driver.prepare('PRAGMA wal_checkpoint(TRUNCATE)').all()
    this.#unmoved = 0
  }

  /** A copy of what is committed, whole or not there. */
  async backUp(copy: string): Promise<void> {
    if (existsSync(copy))
      throw new Error(`sqlite: ${copy} is there already; name another file for the backup`)
    const partial = `${copy}.partial`
    rmSync(partial, { force: true })
    try {
      await this.driver.backup(partial)
      syncFile(partial)
      renameSync(partial, copy)
      syncFile(dirname(copy))
    } finally {
      rmSync(partial, { force: true })
    }
  }

  /**
   * Writes everything into a new file, which takes the place of this one, and closes. What a failed commit has left may read as
   * committed over a new connection and yet not be on disk; in the new file it is, or it is not there.
   */
  replace(): void {
    const { file } = this.settings
    const partial = `${file}.partial`
    rmSync(partial, { force: true })
    this.driver.prepare('VACUUM INTO ?').run(partial)
    syncFile(partial)
    this.close()
    renameSync(partial, file)
    syncFile(dirname(file))
  }

  close(): void {
    this.driver.close()
    this.#note.remove()
  }

  #configure(): void {
    const { driver, settings } = this
    driver.exec('PRAGMA secure_delete = ON')
    driver.prepare('PRAGMA journal_mode = WAL').all()
    driver.exec(`PRAGMA synchronous = ${settings.sync === 'full' ? 'FULL' : 'NORMAL'}`)
    driver.exec('PRAGMA wal_autocheckpoint = 0')
    driver.exec(`PRAGMA journal_size_limit = ${LARGEST_WAL_BYTES}`)
    driver.exec(`PRAGMA cache_size = -${CACHE_KIB}`)
    // For systems where fsync alone leaves data in the drive's cache (macOS); elsewhere these have no effect.
    driver.exec('PRAGMA fullfsync = ON')
    driver.exec('PRAGMA checkpoint_fullfsync = ON')
    driver.exec('BEGIN IMMEDIATE')
    driver.exec('COMMIT')
  }

  #changes(): number {
    return numberIn(this.driver.prepare('SELECT total_changes() AS changes').get() ?? {}, 'changes')
  }

  /** After some errors SQLite has already rolled back, and reports that there is no transaction. */
  #rollBack(): void {
    try {
      this.driver.exec('ROLLBACK')
    } catch {
      // As described above.
    }
  }

  /**
   * If a file was removed, SQLite keeps writing into it, and what is acknowledged then is lost with the process.
   */
  #assertThere(): void {
    const { file } = this.settings
    if (inodeOf(file) !== this.#inode) throw new FileFault(file, 'removed')
    if (inodeOf(walOf(file)) !== this.#walInode) throw new FileFault(file, 'wal_removed')
  }
}

/** Where locks, syncs, or both are not what they are on a disk. By the numbers that Linux gives them. */
const DOUBTFUL: Readonly<Record<number, string>> = {
  26985: 'NFS',
  20859: 'SMB',
  4266872130: 'SMB',
  4283649346: 'SMB',
  16914836: 'memory (tmpfs)',
}

/** What is wrong with the place of a file; `undefined` if nothing is known against it. */
export function doubtAbout(file: string): string | undefined {
  const system = DOUBTFUL[statfsSync(dirname(file)).type]
  return (
    system &&
    `sqlite: ${file} is on ${system}, where what is written may not outlive a power cut, or a lock not be one; put it on a local disk`
  )
}

function inodeOf(file: string): bigint | undefined {
  return statSync(file, { bigint: true, throwIfNoEntry: false })?.ino
}

/** On disk, as its folder's entry for a file is only once the folder is synced too. */
function syncFile(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

const walOf = (file: string) => `${file}-wal`

function walBytes(file: string): number {
  return statSync(walOf(file), { throwIfNoEntry: false })?.size ?? 0
}
