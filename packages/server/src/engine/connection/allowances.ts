import { RoomfulError } from '@roomful/protocol'
import type { Clock } from '../../api/contracts/clock.js'
import type { Limits } from '../../api/options/limits.js'
import { paid, type Rate, waitFor } from '../../util/rate-limit.js'
import type { Connection } from './connection.js'

/**
 * Shared by the connections of one user, or of one address of anonymous users: when each budget will be full again.
 */
interface Account {
  joins: number
  pageBytes: number
  /** The largest size that the pages in progress may reach, in bytes. */
  making: number
}

/**
 * If a join would have to wait longer than this for other joins of its account, it is refused and learns when to
 * retry.
 */
const LONGEST_WAIT_MS = 5_000
/** While it waits, this is how often the connection is checked. */
const LOOK_MS = 1_000
/** How often it is checked while waiting for pages in progress. */
const MAKING_MS = 20
/**
 * After this many bytes of pages, the turn of the event loop ends: a hundred pages in one turn would delay everybody.
 */
const TURN_BYTES = 256 * 1024

/**
 * Limits operations that cost the server a thousand times what they cost their sender: joins, and pages of history.
 * An operation beyond the limit waits, and so does everything that its connection sent later; the client need not
 * know.
 */
export class Allowances {
  readonly #accounts = new Map<string, Account>()
  readonly #joins: Rate
  readonly #pages: Rate
  readonly #accountPages: Rate
  #turnBytes = 0

  constructor(
    private readonly clock: Clock,
    limits: Limits,
  ) {
    this.#joins = { perSecond: limits.accountJoinsPerSecond, burst: limits.accountJoinsBurst }
    this.#pages = { perSecond: limits.pageBytesPerSecond, burst: limits.pageBytesBurst }
    this.#accountPages = {
      perSecond: limits.accountPageBytesPerSecond,
      burst: limits.accountPageBytesBurst,
    }
  }

  /**
   * Charges a join. Resolves when it may continue, or with the reason why it may not. If it may continue at once, it
   * returns `undefined`.
   */
  join(connection: Connection): undefined | Promise<RoomfulError | undefined> {
    const account = this.#accountOf(connection)
    const now = this.clock.now()
    const wait = waitFor(account.joins, this.#joins, now)
    if (wait > LONGEST_WAIT_MS)
      return Promise.resolve(new RoomfulError('rate_limited', { retryAfterMs: wait }))
    account.joins = paid(account.joins, this.#joins, now)
    return wait > 0 ? this.#wait(wait).then(() => undefined) : undefined
  }

  /** Makes a page of up to `most` bytes, in turn. */
  async page(connection: Connection, most: number, make: () => Promise<void>): Promise<void> {
    const account = this.#accountOf(connection)
    if (!this.#mayMake(connection, most)) await this.#untilPage(connection, most)
    account.making += most
    try {
      await make()
    } finally {
      account.making -= most
    }
  }

  /** Charges a page that was made. */
  charge(connection: Connection, bytes: number): void {
    const { session } = connection
    const account = this.#accountOf(connection)
    const now = this.clock.now()
    session.pageBytes = paid(session.pageBytes, this.#pages, now, bytes)
    account.pageBytes = paid(account.pageBytes, this.#accountPages, now, bytes)
    if (this.#turnBytes === 0) this.clock.soon(this.#endTurn)
    this.#turnBytes += bytes
  }

  /** Removes accounts whose budgets are full. */
  sweep(now: number): void {
    for (const [name, { joins, pageBytes, making }] of this.#accounts)
      if (joins <= now && pageBytes <= now && making === 0) this.#accounts.delete(name)
  }

  #accountOf({ session }: Connection): Account {
    const account = this.#accounts.get(session.account) ?? { joins: 0, pageBytes: 0, making: 0 }
    this.#accounts.set(session.account, account)
    return account
  }

  #mayMake(connection: Connection, most: number): boolean {
    return this.#pageWait(connection, most) === 0 && this.#turnBytes < TURN_BYTES
  }

  /** How long until neither budget is overdrawn, in ms. The size of a page is not known in advance. */
  #pageWait(connection: Connection, most: number): number {
    const now = this.clock.now()
    const { pageBytes, making } = this.#accountOf(connection)
    const isFull = making > 0 && making + most > this.#accountPages.burst
    return Math.max(
      isFull ? MAKING_MS : 0,
      waitFor(connection.session.pageBytes, this.#pages, now),
      waitFor(pageBytes, this.#accountPages, now),
    )
  }

  async #untilPage(connection: Connection, most: number): Promise<void> {
    while (connection.isOpen && !this.#mayMake(connection, most)) {
      const wait = this.#pageWait(connection, most)
      if (wait > 0) await this.#wait(Math.min(wait, LOOK_MS))
      else await new Promise<void>((resolve) => this.clock.soon(resolve))
    }
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.clock.after(ms, resolve))
  }

  readonly #endTurn = (): void => {
    this.#turnBytes = 0
  }
}
