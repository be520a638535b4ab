import type {
  BanNews,
  RestrictedPage,
  RestrictedUser,
  RestrictionKind,
  Restrictions,
  StreamEvent,
  Subscription,
} from '../../api/contracts/backplane.js'
import { keysetPage, type PageOptions } from '../../util/keyset-page.js'
import type { RestrictionStore } from './restriction-store.js'

export interface BanLog {
  append(message: { readonly stream: string; readonly userId: string }): Promise<void>
  subscribe(listener: (event: StreamEvent) => void): Promise<Subscription>
}

/**
 * The restrictions in Redis. Each ban is an entry of a log too, so a node that does not receive it finds it missing, as it
 * would a message.
 */
export class RedisRestrictions implements Restrictions {
  constructor(
    private readonly store: RestrictionStore,
    private readonly log: BanLog,
  ) {}

  async set(stream: string, userId: string, kind: RestrictionKind, forMs: number): Promise<void> {
    await this.store.restrict(stream, userId, kind, forMs)
    if (kind === 'ban') await this.log.append({ stream, userId })
  }

  async lift(stream: string, userId: string, kind: RestrictionKind): Promise<void> {
    await this.store.restrict(stream, userId, kind, 0)
  }

  bannedFor(stream: string, userId: string): Promise<number | undefined> {
    return this.store.bannedFor(stream, userId)
  }

  async list(stream: string, page: PageOptions): Promise<RestrictedPage> {
    const byId = new Map<string, RestrictedUser>()
    for await (const user of this.store.restricted(stream)) byId.set(user.userId, user)
    const { items, more } = keysetPage(byId.values(), ({ userId }) => userId, page)
    return { users: items, more }
  }

  watch(listener: (news: BanNews) => void): Promise<Subscription> {
    return this.log.subscribe((event) => {
      if (event.kind === 'entry') listener(newsOf(event.entry.text))
      else if (event.kind === 'resync') listener('missed')
    })
  }
}

/** Another version of the server may have written something else. */
function newsOf(text: string): BanNews {
  const { stream, userId } = JSON.parse(text) as Readonly<Record<string, unknown>>
  return typeof stream === 'string' && typeof userId === 'string' ? { stream, userId } : 'missed'
}
