const RENEWAL_MS = 2_000

interface Typer {
  readonly connections: Set<string>
  shownAt: number
}

/** Which of a room's connections are typing, shown by user: a second tab of the same user changes nothing. */
export class Typing {
  readonly #byUser = new Map<string, Typer>()

  get size(): number {
    return this.#byUser.size
  }

  has(userId: string): boolean {
    return this.#byUser.has(userId)
  }

  /** Whether another user would be one too many. */
  isFull(userId: string, maxUsers: number): boolean {
    return this.#byUser.size >= maxUsers && !this.#byUser.has(userId)
  }

  /**
   * True if the others should be told: the user was not typing until now, or has gone on for so long that
   * their own expiry would end the notice.
   */
  start(userId: string, connection: string, now: number): boolean {
    const typer = this.#byUser.get(userId) ?? { connections: new Set(), shownAt: Number.NEGATIVE_INFINITY }
    this.#byUser.set(userId, typer)
    typer.connections.add(connection)
    if (now - typer.shownAt < RENEWAL_MS) return false
    typer.shownAt = now
    return true
  }

  /** True if the user is no longer typing on any connection. */
  stop(userId: string, connection: string): boolean {
    const typer = this.#byUser.get(userId)
    if (!typer?.connections.delete(connection) || typer.connections.size > 0) return false
    this.#byUser.delete(userId)
    return true
  }
}
