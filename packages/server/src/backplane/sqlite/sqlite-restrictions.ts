import type {
  BanNews,
  RestrictedPage,
  RestrictionKind,
  Restrictions,
  Subscription,
} from '../../api/contracts/backplane.js'
import type { PageOptions } from '../../util/keyset-page.js'
import type { Restricted } from '../log/restricting.js'
import type { SharedStore } from './shared-store.js'

/** The restrictions in a file. They end by the wall time, since they outlive the process. */
export class SqliteRestrictions implements Restrictions {
  constructor(
    private readonly store: () => SharedStore,
    private readonly wallTime: () => number,
  ) {}

  async set(stream: string, user: string, restriction: RestrictionKind, forMs: number): Promise<void> {
    const until = Math.ceil(this.wallTime() + forMs)
    await this.store().call({ kind: 'restrict', stream, user, restriction, until })
    if (restriction === 'ban') this.store().banned({ stream, userId: user })
  }

  async lift(stream: string, user: string, restriction: RestrictionKind): Promise<void> {
    await this.store().call({ kind: 'restrict', stream, user, restriction, until: 0 })
  }

  async bannedFor(stream: string, user: string): Promise<number | undefined> {
    const { bannedUntil } = (await this.store().call({ kind: 'restricted', stream, user })) as Restricted
    const left = bannedUntil - this.wallTime()
    return left > 0 ? left : undefined
  }

  async list(stream: string, { after, limit }: PageOptions): Promise<RestrictedPage> {
    const page = { stream, after, limit, now: this.wallTime() }
    return (await this.store().call({ kind: 'restricted_users', ...page })) as RestrictedPage
  }

  async watch(listener: (news: BanNews) => void): Promise<Subscription> {
    const { banWatchers } = this.store()
    // A separate function for each call, so that one function that watches twice can stop twice.
    const own = (news: BanNews) => listener(news)
    banWatchers.add(own)
    return { close: () => void banWatchers.delete(own) }
  }
}
