import type {
  BanNews,
  Draft,
  RestrictedPage,
  RestrictedUser,
  RestrictionKind,
  Restrictions,
  Subscription,
} from '../../api/contracts/backplane.js'
import { RoomfulError } from '../../api/contracts/roomful-error.js'
import { keysetPage, type PageOptions } from '../../util/keyset-page.js'
import {
  endOf,
  kindsAgainst,
  type Restraint,
  type Restricted,
  restraint,
  restrict,
  restrictedUser,
  UNRESTRICTED,
} from '../log/restricting.js'

/** Maximum number of restrictions on a node: an application may restrict whoever comes, for ever. */
const MOST = 100_000
/** How many a sweep looks at. */
const SWEPT = 1_000

/** The restrictions of one process. They are apart from the streams, which may be removed when nobody uses them. */
export class MemoryRestrictions implements Restrictions {
  readonly #all = new Map<string, Restricted>()
  readonly #listeners = new Set<(news: BanNews) => void>()
  #toSweep: Iterator<[string, Restricted]>

  constructor(private readonly now: () => number) {
    this.#toSweep = this.#all.entries()
  }

  async set(stream: string, userId: string, kind: RestrictionKind, forMs: number): Promise<void> {
    const key = keyOf(stream, userId)
    if (!this.#all.has(key) && this.#all.size >= MOST)
      throw new RoomfulError('unavailable', { message: `There are ${MOST} mutes and bans; lift some` })
    this.#all.set(key, restrict(this.#of(stream, userId), kind, this.now() + forMs))
    if (kind === 'ban') for (const listener of this.#listeners) listener({ stream, userId })
  }

  async lift(stream: string, userId: string, kind: RestrictionKind): Promise<void> {
    const left = restrict(this.#of(stream, userId), kind, 0)
    const key = keyOf(stream, userId)
    if (endOf(left) <= this.now()) this.#all.delete(key)
    else this.#all.set(key, left)
  }

  async bannedFor(stream: string, userId: string): Promise<number | undefined> {
    const left = this.#of(stream, userId).bannedUntil - this.now()
    return left > 0 ? left : undefined
  }

  async list(stream: string, page: PageOptions): Promise<RestrictedPage> {
    const { items, more } = keysetPage(this.#in(stream), ({ userId }) => userId, page)
    return { users: items, more }
  }

  async watch(listener: (news: BanNews) => void): Promise<Subscription> {
    this.#listeners.add(listener)
    return { close: () => void this.#listeners.delete(listener) }
  }

  /** Why a draft may not be appended. */
  against(stream: string, draft: Draft, now: number): Restraint | undefined {
    if (this.#all.size === 0 || draft.writer === undefined) return undefined
    return restraint(this.#of(stream, draft.writer), kindsAgainst(draft), now)
  }

  #of(stream: string, userId: string): Restricted {
    return this.#all.get(keyOf(stream, userId)) ?? UNRESTRICTED
  }

  *#in(stream: string): IterableIterator<RestrictedUser> {
    const [start, now] = [keyOf(stream, ''), this.now()]
    for (const [key, restricted] of this.#all) {
      if (!key.startsWith(start)) continue
      const user = restrictedUser(key.slice(start.length), restricted, now)
      if (user) yield user
    }
  }

  /** Removes some of those that have ended. */
  sweep(): void {
    const now = this.now()
    for (let left = SWEPT; left > 0; left--) {
      const { value } = this.#toSweep.next()
      if (!value) {
        this.#toSweep = this.#all.entries()
        return
      }
      const [key, restricted] = value
      if (endOf(restricted) <= now) this.#all.delete(key)
    }
  }
}

/** No stream's name contains a line break, unless it is a user's own. */
function keyOf(stream: string, userId: string): string {
  return `${stream}\n${userId}`
}
