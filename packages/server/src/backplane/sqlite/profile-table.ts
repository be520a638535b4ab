import type { Driver } from './driver.js'
import { numberIn, textIn } from './rows.js'

/** Maximum number of users; those who wrote longest ago are removed. */
const MOST = 100_000

export type ProfileRows = readonly (readonly [user: string, profile: string])[]

/** The profiles of those who wrote last, as JSON. */
export class ProfileTable {
  #count: number

  constructor(private readonly driver: Driver) {
    this.#count = numberIn(driver.prepare('SELECT count(*) AS users FROM profiles').get() ?? {}, 'users')
  }

  /** Within a transaction of the caller. */
  keep(user: string, profile: string): void {
    this.forget(user)
    this.driver.prepare('INSERT INTO profiles (user, profile) VALUES (?, ?)').run(user, profile)
    if (++this.#count <= MOST) return
    this.driver.prepare('DELETE FROM profiles WHERE number = (SELECT min(number) FROM profiles)').run()
    this.#count--
  }

  of(users: readonly string[]): ProfileRows {
    const select = this.driver.prepare('SELECT profile FROM profiles WHERE user = ?')
    return users.flatMap((user) => {
      const row = select.get(user)
      return row ? [[user, textIn(row, 'profile')] as const] : []
    })
  }

  forget(user: string): void {
    this.#count -= Number(this.driver.prepare('DELETE FROM profiles WHERE user = ?').run(user).changes)
  }
}
