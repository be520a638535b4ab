import type { Break, LogPage, Position, Range } from '../../api/contracts/log.js'
import type { Reading } from '../../api/contracts/marks.js'
import { MOST_UNREAD, type Unread, unreadAfter, weigher } from '../../backplane/log/unread.js'
import type { Connection } from '../connection/connection.js'

/** A mark that was moved, and what is unread above it among the entries up to an offset. */
export interface Moved {
  readonly stream: string
  readonly mark: Position
  readonly counted: number
  readonly unread: number
  readonly mentions: number
}

/** What a watcher learns of a room. */
export interface Head {
  readonly epoch: string
  readonly offset: number
  readonly unread: number
  /** Whether that is as far as anybody counts. */
  readonly more?: true
  readonly mentions?: number
}

interface Watching {
  /** By connection, the name that it uses for the room. */
  readonly connections: Map<Connection, string>
  /** What is unread among the entries up to an offset; `undefined` if it must be counted. */
  count: (Unread & { readonly to: number }) | undefined
  /** What was told last, to recognise what is no news. Holds while it is counted anew. */
  told: Head | undefined
}

/** How much of a log is read to add it to the counts; after more, it is cheaper to count anew. */
const PAGE = { limit: 200, maxBytes: 65_536 }

/** A room that users of this node watch, and what each of them has not read. */
export class WatchedRoom {
  readonly #users = new Map<string, Watching>()
  readonly #changed = new Set<string>()
  /** The position up to which its log has been read; `undefined` before, and as long as the store has no log. */
  #head: Position | undefined
  #doubts = 0

  constructor(
    readonly stream: string,
    private readonly counts: readonly string[],
  ) {}

  get isUnused(): boolean {
    return this.#users.size === 0
  }

  watch(userId: string, connection: Connection, roomId: string): void {
    const watching = this.#users.get(userId) ?? { connections: new Map(), count: undefined, told: undefined }
    this.#users.set(userId, watching)
    watching.connections.set(connection, roomId)
  }

  unwatch(userId: string, connection: Connection): void {
    const watching = this.#users.get(userId)
    watching?.connections.delete(connection)
    if (watching?.connections.size === 0) this.#users.delete(userId)
  }

  watchersOf(userId: string): Iterable<readonly [Connection, string]> {
    return this.#users.get(userId)?.connections ?? []
  }

  /** Grows with each doubt: what was asked of the store before one may be older than what was known. */
  get doubts(): number {
    return this.#doubts
  }

  /**
   * What was added may be wrong by now: messages become too old without a notification. So may the head: a store that lost
   * its newest entries counts up to a lower one, which must not seem older.
   */
  doubt(): void {
    this.#doubts++
    this.#head = undefined
    for (const watching of this.#users.values()) watching.count = undefined
  }

  /** What to read of the log; `undefined` if there is nothing to add it to. */
  missing(): { readonly range: Range; readonly since: Position } | undefined {
    const isCounted = [...this.#users.values()].some(({ count }) => count)
    if (!this.#head || !isCounted) {
      this.doubt()
      return undefined
    }
    return { range: { after: this.#head.offset, ...PAGE }, since: this.#head }
  }

  /** Adds what was logged since. */
  add({ entries, more, head, fault }: LogPage & { readonly fault: Break | undefined }): void {
    if (fault || more) {
      this.doubt()
      return
    }
    if (entries.length > 0) this.#advance(head)
    for (const [userId, watching] of this.#users) {
      const weigh = weigher({ userId, counts: this.counts })
      for (const entry of entries) {
        const { count } = watching
        if (!count || entry.offset <= count.to) continue
        const next = unreadAfter(count, entry, weigh(entry.text))
        watching.count = next && { ...next, to: entry.offset }
      }
    }
  }

  uncounted(): readonly string[] {
    return [...this.#users].flatMap(([userId, { count }]) => (count ? [] : [userId]))
  }

  isCounted(userId: string): boolean {
    const watching = this.#users.get(userId)
    return !watching || watching.count !== undefined
  }

  /** The store has counted for a user. `doubts` are those when it was asked. */
  counted(userId: string, { mark, head, unread, mentions }: Reading, doubts: number): void {
    const watching = this.#users.get(userId)
    if (!watching || doubts !== this.#doubts) return
    // What came in between was added to the others meanwhile, and would never be added here.
    if (head && head.epoch === this.#head?.epoch && head.offset < this.#head.offset) return
    // What others have was counted in a log that has ended.
    if (head && this.#head && head.epoch !== this.#head.epoch) this.doubt()
    // Not further: what others have not yet had added comes after it.
    if (head && head.epoch !== this.#head?.epoch) this.#advance(head)
    watching.count = { to: head?.offset ?? 0, readTo: mark?.offset ?? 0, unread, mentions }
    this.#changed.add(userId)
  }

  /** A user's mark was moved. Returns false if what is unread must be counted again. */
  marked(userId: string, { mark, counted, unread, mentions }: Moved): boolean {
    const watching = this.#users.get(userId)
    const known = watching?.count
    if (!watching || !known) return true
    const isOlder = mark.epoch !== this.#head?.epoch || counted < known.to
    if (isOlder) watching.count = undefined
    else if (mark.offset > known.readTo) {
      watching.count = { to: counted, readTo: mark.offset, unread, mentions }
      this.#changed.add(userId)
    }
    return !isOlder
  }

  /** The users for whom something is new since the last time. */
  takeNews(): readonly string[] {
    const changed = [...this.#changed]
    this.#changed.clear()
    return changed.filter((userId) => {
      const watching = this.#users.get(userId)
      const head = this.headFor(userId)
      // Whoever is not counted yet hears of it once they are.
      if (!watching || !head || JSON.stringify(watching.told) === JSON.stringify(head)) return false
      watching.told = head
      return true
    })
  }

  headFor(userId: string): Head | undefined {
    const { count, told } = this.#users.get(userId) ?? {}
    if (!count) return told
    if (!this.#head) return undefined
    const { unread, mentions, to } = count
    const rest = { ...(unread === MOST_UNREAD && { more: true as const }), ...(mentions > 0 && { mentions }) }
    return { epoch: this.#head.epoch, offset: Math.max(this.#head.offset, to), unread, ...rest }
  }

  #advance(head: Position): void {
    this.#head = head
    for (const userId of this.#users.keys()) this.#changed.add(userId)
  }
}
