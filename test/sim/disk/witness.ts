import type { Driver } from '../../../packages/server/src/backplane/sqlite/driver.js'
import { Rooms } from '../../../packages/server/src/backplane/sqlite/rooms.js'
import { numberIn, textIn } from '../../../packages/server/src/backplane/sqlite/rows.js'
import { metaIn } from '../../../packages/server/src/backplane/sqlite/schema.js'
import type { Oracle, Seen } from '../oracle.js'
import { seen } from '../seen.js'

interface Kept {
  readonly seq: number
  readonly room: string
  readonly entry: Seen
}

/** Calls a task at the virtual time at which others can see what was done until now. */
type AtItsTime = (task: () => void) => void

const NEWEST = 'SELECT ifnull(max(seq), 0) AS seq FROM entries'
const ENTRIES = `
  SELECT seq, rooms.name AS name, offset, id, body FROM entries JOIN rooms USING (room)
  WHERE seq > ? AND name NOT LIKE '@%' ORDER BY seq`

/**
 * Reads the logs from the file itself, after each commit and whenever the file is opened. Tells the oracle which entries
 * were added and which are gone.
 */
export class Witness {
  /** Committed entries may be gone when the file is opened next, for example because an old backup was restored. */
  mayLose = false
  /** The entries that the oracle knows, by room. */
  readonly #kept = new Map<string, Kept[]>()
  #newest = 0

  constructor(private readonly oracle: Oracle) {}

  /** Returns the same driver, except that the oracle learns of each commit when it returns. */
  watch(driver: Driver, atItsTime: AtItsTime): Driver {
    const told = () => {
      const newest = numberIn(driver.prepare(NEWEST).get() ?? {}, 'seq')
      if (newest <= this.#newest) return
      const added = entriesIn(driver, this.#newest)
      this.#newest = newest
      atItsTime(() => this.#add(added))
    }
    return {
      ...driver,
      prepare(sql) {
        const statement = driver.prepare(sql)
        if (sql !== 'COMMIT') return statement
        const run = () => {
          const result = statement.run()
          told()
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
    for (const [room, known] of this.#kept) {
      const now = present.filter((one) => one.room === room)
      const ids = new Set(now.map(({ entry }) => entry.id))
      // Retention drops the oldest entries, so only later ones count as lost.
      const oldest = now[0]?.entry.offset ?? 1
      const gone = known.findIndex(({ entry }) => entry.offset >= oldest && !ids.has(entry.id))
      if (gone >= 0) for (const { entry } of known.splice(gone).reverse()) this.#lose(room, entry)
    }
    this.mayLose = false
    this.#add(present.filter(({ room, entry }) => entry.offset > (this.#kept.get(room)?.length ?? 0)))
    for (const { room, entry } of present) this.oracle.compare(room, [entry])
  }

  #lose(room: string, entry: Seen): void {
    this.oracle.vanished(room, entry)
    if (!this.mayLose) this.oracle.fail(`lost: '${entry.text}' of ${room} was on disk, and is gone`)
  }

  #add(added: readonly Kept[]): void {
    for (const one of added) {
      const { room, entry } = one
      const log = this.#kept.get(room) ?? []
      this.#kept.set(room, log)
      this.oracle.logged(room, entry, log.at(-1)?.entry.id ?? entry.epoch)
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
      return { seq: numberIn(row, 'seq'), room, entry }
    })
}
