import type { LogEntry, Position, Subscription } from '../../api/contracts/backplane.js'
import type { ChangeFeed, ConsumerClaim, FeedEntry, FeedPage } from '../../api/contracts/change-feed.js'
import { isRetractionText } from '../log/amending.js'
import type { FeedIndex } from './feed-index.js'

interface Consumer {
  owner: string | undefined
  heldUntil: number
  cursor: Position | undefined
}

/** The feed of one process. It stores nothing until somebody asks for it, since on most servers nobody does. */
export class MemoryFeed implements ChangeFeed {
  /** Created for the first reader. A field, so that publishing does not call anything before that. */
  index: FeedIndex | undefined
  retractions = 0
  readonly #wakes = new Set<() => void>()
  readonly #consumers = new Map<string, Consumer>()

  constructor(
    private readonly open: () => FeedIndex,
    private readonly now: () => number,
  ) {}

  /** Records an entry that was just appended. */
  appended(index: FeedIndex, stream: string, epoch: string, { offset, id, text }: LogEntry): void {
    index.add(stream, epoch, offset, id)
    if (isRetractionText(text)) this.retractions++
    for (const wake of this.#wakes) wake()
  }

  /** A log was deleted. */
  ended(stream: string, epoch: string): void {
    this.index?.remove(stream, epoch)
    this.retractions++
  }

  async again(cursors: readonly Position[]): Promise<readonly FeedEntry[]> {
    return this.#opened.again(cursors)
  }

  async read(after: Position | undefined, limit: number, maxBytes: number): Promise<FeedPage> {
    return this.#opened.read(after, limit, maxBytes)
  }

  async watch(wake: () => void): Promise<Subscription> {
    this.index = this.#opened
    // A separate function for each call, so that one function that watches twice can stop twice.
    const own = () => wake()
    this.#wakes.add(own)
    return { close: () => void this.#wakes.delete(own) }
  }

  async claim(name: string, owner: string, leaseMs: number): Promise<ConsumerClaim | undefined> {
    const now = this.now()
    const known = this.#consumers.get(name)
    if (known?.owner !== undefined && known.owner !== owner && known.heldUntil > now) return undefined
    const cursor = known?.cursor
    this.#consumers.set(name, { owner, heldUntil: now + leaseMs, cursor })
    return { cursor }
  }

  async commit(name: string, owner: string, cursor: Position): Promise<boolean> {
    const consumer = this.#consumers.get(name)
    if (consumer?.owner !== owner) return false
    consumer.cursor = cursor
    return true
  }

  async release(name: string, owner: string): Promise<void> {
    const consumer = this.#consumers.get(name)
    if (consumer?.owner === owner) consumer.owner = undefined
  }

  get #opened(): FeedIndex {
    this.index ??= this.open()
    return this.index
  }
}
