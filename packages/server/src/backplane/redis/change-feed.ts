import type { Position, Subscription } from '../../api/contracts/backplane.js'
import type { ChangeFeed, ConsumerClaim, FeedEntry, FeedPage } from '../../api/contracts/change-feed.js'
import { resumeFault } from '../log/log.js'
import type { ChangeStore } from './change-store.js'
import { NO_LINE, parseLine, wordsOf } from './feed-line.js'
import { rewriteAll } from './log-editor.js'

/** What is read at once of entries that were read before. */
const AGAIN = { limit: 500, bytes: 4 * 1024 * 1024 }

/** The feed as a node reads it: one subscription, whoever watches. */
export class RedisChangeFeed implements ChangeFeed {
  readonly #wakes = new Set<() => void>()
  #subscribed: Promise<void> | undefined
  retractions = 0

  constructor(
    private readonly store: ChangeStore,
    private readonly newId: () => string,
    /** What is not awaited has failed. */
    private readonly failed: (error: unknown) => void,
  ) {}

  async read(after: Position | undefined, limit: number, maxBytes: number): Promise<FeedPage> {
    const { head, idAt, entries, last } = await this.store.read(after?.offset, limit, maxBytes, this.newId())
    const fault = after && resumeFault({ epoch: head.epoch, head, idAt: () => idAt }, after)
    if (fault) return { entries: [], more: false, fault, head }
    const more = (last?.offset ?? after?.offset ?? 0) < head.offset
    // A page of nothing but entries of logs that were ended.
    if (last && more && entries.length === 0) return this.read(last, limit, maxBytes)
    return { entries, more, fault: undefined, head }
  }

  async again(cursors: readonly Position[]): Promise<readonly FeedEntry[]> {
    const ids = new Map(cursors.map(({ offset, id }) => [offset, id]))
    const end = cursors.at(-1)?.offset ?? 0
    const found: FeedEntry[] = []
    for (let after = (cursors[0]?.offset ?? 1) - 1; after < end; ) {
      const limit = Math.min(AGAIN.limit, end - after)
      const { entries, last } = await this.store.read(after, limit, AGAIN.bytes, this.newId())
      const isWanted = ({ cursor: { epoch, offset, id } }: FeedEntry) =>
        epoch === cursors[0]?.epoch && ids.get(offset) === id
      found.push(...entries.filter(isWanted))
      if (!last) break
      after = last.offset
    }
    return found
  }

  /** Texts were taken out of entries by this node, which does not wait until Redis says so. */
  retracted(): void {
    this.retractions++
  }

  /** Blanks the entries of logs that a stream had, and has no longer. */
  async forget(stream: string, epoch: string | undefined): Promise<void> {
    const all = { words: wordsOf(stream), after: 0, untilMs: Number.MAX_SAFE_INTEGER }
    await rewriteAll(this.store.editor, all, (open) => {
      const line = parseLine(open)
      return line?.stream === stream && line.epoch !== epoch ? NO_LINE : undefined
    })
  }

  async watch(wake: () => void): Promise<Subscription> {
    // A separate function for each call, so that one function that watches twice can stop twice.
    const own = () => wake()
    this.#wakes.add(own)
    const close = () => {
      if (this.#wakes.delete(own) && this.#wakes.size === 0) this.#unsubscribe()
    }
    try {
      this.#subscribed ??= this.store.subscribe((isRetraction) => this.#wake(isRetraction))
      await this.#subscribed
      return { close }
    } catch (error) {
      close()
      throw error
    }
  }

  claim(consumer: string, owner: string, leaseMs: number): Promise<ConsumerClaim | undefined> {
    return this.store.claim(consumer, owner, leaseMs)
  }

  commit(consumer: string, owner: string, cursor: Position): Promise<boolean> {
    return this.store.commit(consumer, owner, cursor)
  }

  release(consumer: string, owner: string): Promise<void> {
    return this.store.release(consumer, owner)
  }

  #unsubscribe(): void {
    this.#subscribed = undefined
    this.store.unsubscribe().catch(this.failed)
  }

  #wake(isRetraction: boolean): void {
    if (isRetraction) this.retracted()
    for (const wake of this.#wakes) wake()
  }
}
