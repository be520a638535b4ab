import { endOf, type Restricted, restrict, UNRESTRICTED } from '../log/restricting.js'
import type { Driver } from './driver.js'
import type { RestrictRequest } from './requests.js'
import { numberIn } from './rows.js'

/** How many that have ended are removed at once. */
const REMOVED = 500
/** Stands for a restriction that does not end by itself: SQLite has no Infinity among its integers. */
const FOREVER = Number.MAX_SAFE_INTEGER

/** Who is muted or banned, in the wall time of the server. */
export class RestrictionTable {
  /** Most servers have none, and their messages need not look. */
  #isEmpty = true

  constructor(private readonly driver: Driver) {
    this.#look()
  }

  of(stream: string, user: string): Restricted {
    if (this.#isEmpty) return UNRESTRICTED
    const row = this.driver
      .prepare('SELECT muted_until, banned_until FROM restrictions WHERE stream = ? AND user = ?')
      .get(stream, user)
    if (!row) return UNRESTRICTED
    const until = (column: string) => {
      const time = numberIn(row, column)
      return time === FOREVER ? Number.POSITIVE_INFINITY : time
    }
    return { mutedUntil: until('muted_until'), bannedUntil: until('banned_until') }
  }

  /** Within a transaction of the caller. */
  set({ stream, user, restriction, until }: Omit<RestrictRequest, 'kind' | 'ticket'>): void {
    const after = restrict(this.of(stream, user), restriction, until)
    const stored = [after.mutedUntil, after.bannedUntil, endOf(after)].map((time) => Math.min(time, FOREVER))
    if (endOf(after) > 0)
      this.driver
        .prepare(
          'INSERT OR REPLACE INTO restrictions (stream, user, muted_until, banned_until, ends) VALUES (?, ?, ?, ?, ?)',
        )
        .run(stream, user, ...stored)
    else this.driver.prepare('DELETE FROM restrictions WHERE stream = ? AND user = ?').run(stream, user)
    // Not looked up: if the transaction fails, what it removed is there again.
    this.#isEmpty = false
  }

  /** Removes some of those that have ended, within a transaction of the caller. Returns whether there were any. */
  removeEnded(now: number): boolean {
    this.#look()
    if (this.#isEmpty) return false
    const { changes } = this.driver
      .prepare(
        'DELETE FROM restrictions WHERE (stream, user) IN (SELECT stream, user FROM restrictions WHERE ends <= ? LIMIT ?)',
      )
      .run(now, REMOVED)
    return changes > 0
  }

  #look(): void {
    this.#isEmpty = this.driver.prepare('SELECT 1 AS one FROM restrictions LIMIT 1').get() === undefined
  }
}
