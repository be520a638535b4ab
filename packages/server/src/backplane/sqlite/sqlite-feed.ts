import type { Position, Subscription } from '../../api/contracts/backplane.js'
import type { ChangeFeed, ConsumerClaim, FeedEntry, FeedPage } from '../../api/contracts/change-feed.js'
import type { SharedStore } from './shared-store.js'

/** The feed of a file. Cursors are on disk, leases in memory, because only one process uses the file. */
export class SqliteFeed implements ChangeFeed {
  constructor(
    private readonly store: () => SharedStore,
    private readonly now: () => number,
  ) {}

  async read(after: Position | undefined, limit: number, maxBytes: number): Promise<FeedPage> {
    return (await this.store().call({ kind: 'feed', after, limit, maxBytes })) as FeedPage
  }

  async again(cursors: readonly Position[]): Promise<readonly FeedEntry[]> {
    return (await this.store().call({ kind: 'again', cursors })) as readonly FeedEntry[]
  }

  get retractions(): number {
    return this.store().retractions
  }

  async watch(wake: () => void): Promise<Subscription> {
    const { wakes } = this.store()
    // A separate function for each call, so that one function that watches twice can stop twice.
    const own = () => wake()
    wakes.add(own)
    return { close: () => void wakes.delete(own) }
  }

  async claim(name: string, owner: string, leaseMs: number): Promise<ConsumerClaim | undefined> {
    const { leases } = this.store()
    const now = this.now()
    const held = leases.get(name)
    if (held && held.owner !== owner && held.until > now) return undefined
    leases.set(name, { owner, until: now + leaseMs })
    const cursor = (await this.store().call({ kind: 'consumer', name })) as Position | undefined
    return { cursor }
  }

  async commit(name: string, owner: string, cursor: Position): Promise<boolean> {
    if (this.store().leases.get(name)?.owner !== owner) return false
    await this.store().call({ kind: 'consumed', name, cursor })
    return true
  }

  async release(name: string, owner: string): Promise<void> {
    const { leases } = this.store()
    if (leases.get(name)?.owner === owner) leases.delete(name)
  }
}
