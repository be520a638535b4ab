import { dirname } from 'node:path'
import type { Driver, Open } from './driver.js'
import { FileFault, faultOf } from './faults.js'
import type { Files } from './files.js'
import { OwnerNote } from './lock.js'
import { numberIn } from './rows.js'
import { assertOurs, migrate } from './schema.js'

export interface FileSettings {
  /** An absolute path. */
  readonly file: string
  readonly sync: 'full' | 'normal'
}

const CACHE_KIB = 16 * 1024
const COPY_ATTEMPTS = 5
/**
 * A checkpoint happens after this many bytes, and in any case before the write-ahead log is larger than the database.
 */
const CHECKPOINT_BYTES = 16 * 1024 * 1024
const LARGEST_WAL_BYTES = 64 * 1024 * 1024
/** Roughly what a commit and a message write in addition to the text: whole pages. */
const COMMIT_BYTES = 16 * 1024
const MESSAGE_BYTES = 4 * 1024
/** After the disk was full, this much must be free again: with less, one commit succeeds and the next one fails. */
const FREE_BYTES = 1024 * 1024

/** The file, opened and locked for this process, and what is written outside the transactions. */
export class StoreFile {
  readonly driver: Driver
  readonly #note: OwnerNote
  readonly #inode: bigint | undefined
  readonly #walInode: bigint | undefined
  /** Roughly the bytes written since the last checkpoint; SQLite does not report them. */
  #unmoved = 0
  /** The last checkpoint failed, so what a sync should have written of the journal may be in the system's memory alone. */
  #isJournalInDoubt = false
  /** Why nothing could be written, until there is space again. */
  #full: unknown

  /**
   * @throws an error of SQLite, `SQLITE_BUSY` while another process is using the file; or an Error that says what to
   * do
   */
  constructor(
    private readonly settings: FileSettings,
    open: Open,
    private readonly files: Files,
  ) {
    const { file } = settings
    files.makeFolder(file)
    files.assertWritable(file)
    this.driver = open(file)
    try {
      // Before anything is read: a database that is opened shared would keep its index in shared memory.
      this.driver.exec('PRAGMA locking_mode = EXCLUSIVE')
      assertOurs(this.driver, file)
      this.#configure()
      files.rewrite(walOf(file))
      migrate(this.driver)
      this.#note = new OwnerNote(file, files)
      this.#note.write()
      this.#inode = files.inode(file)
      this.#walInode = files.inode(walOf(file))
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
    this.#assertSpace()
    driver.prepare('BEGIN IMMEDIATE').run()
    const before = this.#changes()
    let written: T
    try {
      written = write()
      // Before the commit. After it, a message could be refused and yet be in the log once the file is put back.
      this.#assertThere()
      driver.prepare('COMMIT').run()
    } catch (error) {
      this.#rollBack()
      if (faultOf(error) === 'full') this.#full = error
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
    const isLarge = this.files.size(walOf(this.settings.file)) > LARGEST_WAL_BYTES
    this.#movePages(isLarge ? 'TRUNCATE' : 'PASSIVE')
  }

  /** Rewrites the database, so that no byte of deleted data remains in it or beside it. Messages wait meanwhile. */
  compact(): void {
    this.driver.exec('VACUUM')
    this.emptyJournal()
    this.#assertThere()
  }

  /** Moves all that was committed into the database, and leaves nothing in the journal beside it. */
  emptyJournal(): void {
    this.#movePages('TRUNCATE')
  }

  /** Copies everything that is committed. The copy is complete or does not exist. */
  async backUp(copy: string): Promise<void> {
    const { files } = this
    if (files.inode(copy) !== undefined)
      throw new Error(`sqlite: ${copy} already exists; name another file for the backup`)
    const partial = `${copy}.partial`
    files.remove(partial)
    try {
      await this.#copyTo(partial)
      files.sync(partial)
      files.rename(partial, copy)
      files.sync(dirname(copy))
    } finally {
      files.remove(partial)
    }
  }

  /** On Node 22, a copy was seen to fail without a code of SQLite while messages were written. The next one succeeds. */
  async #copyTo(file: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.driver.backup(file)
        return
      } catch (error) {
        const fault = faultOf(error)
        if (attempt === COPY_ATTEMPTS || (fault !== 'busy' && fault !== 'other')) throw error
        this.files.remove(file)
      }
    }
  }

  /** @throws if the journal is in doubt and cannot be written again; the file is closed all the same */
  close(): void {
    try {
      // Closing moves pages, too.
      this.#secureJournal()
    } finally {
      this.driver.close()
      this.#note.remove()
    }
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

  #movePages(mode: 'PASSIVE' | 'TRUNCATE'): void {
    this.#secureJournal()
    this.#isJournalInDoubt = true
    this.driver.prepare(`PRAGMA wal_checkpoint(${mode})`).all()
    this.#isJournalInDoubt = false
    this.#unmoved = 0
  }

  /**
   * After a failed sync, the next one succeeds and writes nothing. If pages were moved then, a power cut would leave some
   * of them in the database, and nothing in the journal to complete them: a damaged file.
   */
  #secureJournal(): void {
    if (!this.#isJournalInDoubt) return
    this.files.rewrite(walOf(this.settings.file))
    this.#isJournalInDoubt = false
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

  #assertSpace(): void {
    if (this.#full === undefined) return
    this.#assertThere()
    if (this.files.free(this.settings.file) < FREE_BYTES) throw this.#full
    this.#full = undefined
  }

  /**
   * If a file was removed, SQLite keeps writing into it, and what is acknowledged then is lost with the process.
   */
  #assertThere(): void {
    const { file } = this.settings
    if (this.files.inode(file) !== this.#inode) throw new FileFault(file, 'removed')
    if (this.files.inode(walOf(file)) !== this.#walInode) throw new FileFault(file, 'wal_removed')
  }
}

const walOf = (file: string): string => `${file}-wal`
