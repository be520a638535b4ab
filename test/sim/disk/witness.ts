import type { Driver, Statement } from '../../../packages/server/src/backplane/sqlite/driver.js'
import { Rooms } from '../../../packages/server/src/backplane/sqlite/rooms.js'
import { numberIn, textIn } from '../../../packages/server/src/backplane/sqlite/rows.js'
import { metaIn } from '../../../packages/server/src/backplane/sqlite/schema.js'
import type { Oracle, Seen } from '../oracle.js'
import { seen } from '../seen.js'

interface Kept {
  readonly seq: number
  readonly room: string
  readonly entry: Seen
  readonly previousId: string
}

/** Calls a task at the virtual time at which others can see what was done until now. */
type AtItsTime = (task: () => void) => void

const APPENDS = 'INSERT INTO entries '
const TEXT = 'SELECT id, body FROM entries WHERE seq = ?'
const NEWEST = 'SELECT ifnull(max(seq), 0) AS seq FROM entries'
const PREVIOUS = `
  SELECT before.id FROM entries AS before
  WHERE before.room = entries.room AND before.amends IN (0, 1) AND before.offset = entries.offset - 1`
const ENTRIES = `
  SELECT seq, rooms.name AS name, offset, id, ifnull((${PREVIOUS}), base_id) AS previous, body
  FROM entries JOIN rooms USING (room) WHERE seq > ? AND name NOT LIKE '@%' ORDER BY seq`

/**
 * Reads the logs from the file itself, after each commit and whenever the file is opened. Tells the oracle which entries
 * were added and which are gone.
 */
export class Witness {
  /** Committed entries may be gone when the file is opened next, for example because an old backup was restored. */
  mayLose = false
  /** The entries that the oracle knows, by room. */
  readonly #kept = new Map<string, Kept[]>()
  /** Everything that was ever committed, by id. */
  readonly #known = new Map<string, Kept>()
  /** By id, what each entry said when it was written: what follows it in one transaction may take its text back. */
  readonly #written = new Map<string, string>()
  #newest = 0

  constructor(private readonly oracle: Oracle) {}

  /** Returns the same driver, except that the oracle learns of each commit when it returns. */
  watch(driver: Driver, atItsTime: AtItsTime): Driver {
    const told = () => {
      const newest = numberIn(driver.prepare(NEWEST).get() ?? {}, 'seq')
      if (newest <= this.#newest) return
      const added = this.#asWritten(entriesIn(driver, this.#newest))
      this.#newest = newest
      atItsTime(() => this.#add(added))
    }
    const wrote = ({ lastInsertRowid }: ReturnType<Statement['run']>) => {
      const row = driver.prepare(TEXT).get(Number(lastInsertRowid)) ?? {}
      this.#written.set(textIn(row, 'id'), textIn(row, 'body'))
    }
    return {
      ...driver,
      prepare(sql) {
        const statement = driver.prepare(sql)
        const after = sql === 'COMMIT' ? told : sql.startsWith(APPENDS) ? wrote : undefined
        if (!after) return statement
        const run: Statement['run'] = (...values) => {
          const result = statement.run(...values)
          after(result)
          return result
        }
        return { ...statement, run }
      },
    }
  }

  reopened(driver: Driver, atItsTime: AtItsTime): void {
    const present = entriesIn(driver, 0)
    this.#newest = present.at(-1)?.seq ?? 0
    atItsTime(() => this.#compare(present))
  }

  has(text: string): boolean {
    return [...this.#kept.values()].some((log) => log.some(({ entry }) => entry.text === text))
  }

  /** The log as it should be, from its first entry, whether it is still kept or not. */
  logOf(room: string): readonly Seen[] {
    return (this.#kept.get(room) ?? []).map(({ entry }) => entry)
  }

  #compare(present: readonly Kept[]): void {
    // As it was when it was added: meanwhile, it may have been changed.
    for (const one of this.#asWritten(present))
      if (!this.#known.has(one.entry.id)) this.#known.set(one.entry.id, one)
    for (const room of new Set([...this.#kept.keys(), ...present.map((one) => one.room)])) {
      const before = this.#kept.get(room) ?? []
      const now = this.#through(present.findLast((one) => one.room === room))
      const forks = before.findIndex(({ entry }, index) => entry.id !== now[index]?.entry.id)
      const shared = forks < 0 ? before.length : forks
      for (const { entry } of before.splice(shared).reverse()) this.#lose(room, entry)
      this.#add(now.slice(shared))
    }
    this.mayLose = false
    for (const { room, entry } of present) this.oracle.compare(room, [entry])
  }

  /** The log that ends with an entry, from the first one on: retention may have dropped the place where it forked. */
  #through(last: Kept | undefined): Kept[] {
    const log: Kept[] = []
    for (let id = last?.entry.id; id !== undefined; id = log.at(-1)?.previousId) {
      const one = this.#known.get(id)
      if (!one) break
      log.push(one)
    }
    return log.reverse()
  }

  #asWritten(entries: readonly Kept[]): readonly Kept[] {
    return entries.map((one) => {
      const body = this.#written.get(one.entry.id)
      const { text, version } = body === undefined ? one.entry : seen(JSON.parse(`${body}}`))
      return { ...one, entry: { ...one.entry, text, version } }
    })
  }

  #lose(room: string, entry: Seen): void {
    this.oracle.vanished(room, entry)
    if (!this.mayLose) this.oracle.fail(`lost: '${entry.text}' of ${room} was on disk, and is gone`)
  }

  #add(added: readonly Kept[]): void {
    for (const one of added) {
      const { room, entry, previousId } = one
      const log = this.#kept.get(room) ?? []
      this.#kept.set(room, log)
      this.#known.set(entry.id, one)
      this.oracle.logged(room, entry, previousId)
      log.push(one)
    }
  }
}

function entriesIn(driver: Driver, after: number): Kept[] {
  const rooms = new Rooms(driver, metaIn(driver, 'store'))
  const epochs = new Map<string, string>()
  return driver
    .prepare(ENTRIES)
    .all(after)
    .map((row) => {
      const room = textIn(row, 'name')
      const body = JSON.parse(`${textIn(row, 'body')}}`)
      const epoch = epochs.get(room) ?? rooms.find(room).epoch
      epochs.set(room, epoch)
      const entry = seen({ ...body, epoch, offset: numberIn(row, 'offset'), id: textIn(row, 'id') })
      return { seq: numberIn(row, 'seq'), room, entry, previousId: textIn(row, 'previous') }
    })
}
