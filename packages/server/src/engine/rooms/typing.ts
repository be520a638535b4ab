const RENEWAL_MS = 2_000

interface Typer {
  readonly connections: Set<string>
  shownAt: number
}

/** The connections of a room that are typing, grouped by user: a second tab of the same user changes nothing. */
export class Typing {
  readonly #byUser = new Map<string, Typer>()

  get size(): number {
    return this.#byUser.size
  }

  has(userId: string): boolean {
    return this.#byUser.has(userId)
  }

  /** Whether another user would exceed the limit. */
  isFull(userId: string, maxUsers: number): boolean {
    return this.#byUser.size >= maxUsers && !this.#byUser.has(userId)
  }

  /**
   * Returns true if the others should be notified: the user was not typing until now, or the notice would otherwise
   * soon expire on their side.
   */
  start(userId: string, connection: string, now: number): boolean {
    const typer = this.#byUser.get(userId) ?? { connections: new Set(), shownAt: Number.NEGATIVE_INFINITY }
    this.#byUser.set(userId, typer)
    typer.connections.add(connection)
    if (now - typer.shownAt < RENEWAL_MS) return false
    typer.shownAt = now
    return true
  }

  /** Returns true if the user is no longer typing on any connection. */
  stop(userId: string, connection: string): boolean {
    const typer = this.#byUser.get(userId)
    if (!typer?.connections.delete(connection) || typer.connections.size > 0) return false
    this.#byUser.delete(userId)
    return true
  }
}
