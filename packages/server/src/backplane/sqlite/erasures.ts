import type { Erasing } from './erasing.js'
import type { Reply } from './requests.js'
import type { StoreFile } from './store-file.js'

/** How long to wait after the file could not be written. */
const RETRY_MS = 60_000
/** How often a long job empties the `-wal` file, which holds erased texts too. */
const TRUNCATE_MS = 30_000

interface Waiting {
  resolve(): void
  reject(error: unknown): void
}

/** Runs the erasures, one step a turn, and settles the promises of their callers. */
export class Erasures {
  readonly #waiting = new Map<string, Waiting[]>()
  #isOn = false
  #retryAt = Number.POSITIVE_INFINITY
  #truncateAt = 0

  constructor(
    private readonly file: StoreFile,
    private readonly erasing: Erasing,
    private readonly reply: (reply: Reply) => void,
  ) {}

  get hasWork(): boolean {
    return this.#isOn
  }

  /** Resolves once the logs hold nothing that the user wrote. */
  erase(user: string): Promise<void> {
    const head = this.file.commit(() => this.erasing.begin(user))
    if (head) this.reply({ kind: 'ended', stream: `@user:${user}`, head })
    this.goOn()
    return new Promise((resolve, reject) => {
      this.#waiting.set(user, [...(this.#waiting.get(user) ?? []), { resolve, reject }])
    })
  }

  /** Continues the jobs in the file. */
  goOn(): void {
    this.#isOn = this.erasing.hasWork
    this.#retryAt = Number.POSITIVE_INFINITY
    this.#truncateAt = performance.now() + TRUNCATE_MS
  }

  /** Called before the file is closed. The jobs stay in it. */
  stop(): void {
    this.#isOn = false
    this.#retryAt = Number.POSITIVE_INFINITY
  }

  retry(): void {
    if (performance.now() >= this.#retryAt) this.goOn()
  }

  /** @throws an error of SQLite; the job continues later */
  step(): void {
    if (!this.#isOn) return
    try {
      this.#step()
    } catch (error) {
      this.#isOn = false
      this.#retryAt = performance.now() + RETRY_MS
      for (const user of this.#waiting.keys()) this.#settle(user, (one) => one.reject(error))
      throw error
    }
  }

  #step(): void {
    const { changed, announced, finished } = this.file.commit(() => this.erasing.step())
    if (changed.size + announced.length > 0) this.reply({ kind: 'erased', changed, announced })
    if (finished === undefined) {
      if (performance.now() < this.#truncateAt) return
      this.file.emptyJournal()
      this.#truncateAt = performance.now() + TRUNCATE_MS
      return
    }
    // Before the job is removed: if the process ends in between, the next one empties the file again.
    this.file.emptyJournal()
    this.file.commit(() => this.erasing.finish(finished))
    this.#isOn = this.erasing.hasWork
    this.#settle(finished, (one) => one.resolve())
  }

  #settle(user: string, how: (waiting: Waiting) => void): void {
    const waiting = this.#waiting.get(user) ?? []
    this.#waiting.delete(user)
    for (const one of waiting) how(one)
  }
}
