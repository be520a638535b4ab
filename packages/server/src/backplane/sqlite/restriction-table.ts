import type { RestrictedPage } from '../../api/contracts/backplane.js'
import { endOf, type Restricted, restrict, restrictedUser, UNRESTRICTED } from '../log/restricting.js'
import type { Driver, Row } from './driver.js'
import type { RestrictedUsersRequest, RestrictRequest } from './requests.js'
import { numberIn, textIn } from './rows.js'

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
    return row ? restrictedIn(row) : UNRESTRICTED
  }

  list({ stream, after, limit, now }: Omit<RestrictedUsersRequest, 'kind' | 'ticket'>): RestrictedPage {
    const rows = this.driver
      .prepare(
        `SELECT user, muted_until, banned_until FROM restrictions
         WHERE stream = ? AND user > ? AND ends > ? ORDER BY user LIMIT ?`,
      )
      .all(stream, after ?? '', now, limit + 1)
    const users = rows.flatMap((row) => restrictedUser(textIn(row, 'user'), restrictedIn(row), now) ?? [])
    return { users: users.slice(0, limit), more: users.length > limit }
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

function restrictedIn(row: Row): Restricted {
  const until = (column: string) => {
    const time = numberIn(row, column)
    return time === FOREVER ? Number.POSITIVE_INFINITY : time
  }
  return { mutedUntil: until('muted_until'), bannedUntil: until('banned_until') }
}
