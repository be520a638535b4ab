import type { Connection } from './connection.js'
import type { Budget } from './session.js'

interface KnownUser {
  /** In the order in which they connected. */
  readonly connections: Set<Connection>
  /** The shared budget of several connections. A single connection has an equally large budget of its own. */
  budget: Budget | undefined
}

/** The connections of this node, and their users. */
export class Registry {
  readonly #connections = new Map<string, Connection>()
  readonly #users = new Map<string, KnownUser>()
  /** Connections of an address that have not authenticated yet. */
  readonly #pending = new Map<string, number>()
  readonly #onEmpty: (() => void)[] = []

  get connectionCount(): number {
    return this.#connections.size
  }

  get userCount(): number {
    return this.#users.size
  }

  connections(): IterableIterator<Connection> {
    return this.#connections.values()
  }

  add(connection: Connection): void {
    this.#connections.set(connection.id, connection)
  }

  remove(connection: Connection): void {
    this.#connections.delete(connection.id)
    this.#unbind(connection)
    if (this.#connections.size === 0) for (const resolve of this.#onEmpty.splice(0)) resolve()
  }

  /** Resolves when no connection is left. */
  async emptied(): Promise<void> {
    if (this.#connections.size > 0) await new Promise<void>((resolve) => this.#onEmpty.push(resolve))
  }

  /**
   * Assigns a connection to its user. Returns the user's other connections beyond `max`: those that have been silent
   * for the longest time.
   */
  bind(connection: Connection, userId: string, max: number): Connection[] {
    if (connection.session.user && connection.session.user.id !== userId) this.#unbind(connection)
    const user = this.#users.get(userId) ?? { connections: new Set(), budget: undefined }
    this.#users.set(userId, user)
    // Starts with what the first connection has spent, or a second connection would add a fresh budget.
    const [first] = user.connections
    if (first && first !== connection) {
      user.budget ??= { ...first.session.budget }
      first.session.userBudget = user.budget
    }
    user.connections.add(connection)
    connection.session.userBudget = user.budget
    if (user.connections.size <= max) return []
    const others = [...user.connections].filter((other) => other !== connection && other.isOpen)
    return others.sort((a, b) => a.activeAt - b.activeAt).slice(0, Math.max(0, others.length + 1 - max))
  }

  ofUser(userId: string): Iterable<Connection> {
    return this.#users.get(userId)?.connections ?? []
  }

  *ofUsers(userIds: readonly string[]): IterableIterator<Connection> {
    for (const id of new Set(userIds)) yield* [...this.ofUser(id)]
  }

  pendingOf(address: string): number {
    return this.#pending.get(address) ?? 0
  }

  startPending(address: string): void {
    this.#pending.set(address, this.pendingOf(address) + 1)
  }

  endPending(address: string): void {
    const left = this.pendingOf(address) - 1
    if (left > 0) this.#pending.set(address, left)
    else this.#pending.delete(address)
  }

  #unbind(connection: Connection): void {
    const userId = connection.session.user?.id
    if (userId === undefined) return
    const user = this.#users.get(userId)
    user?.connections.delete(connection)
    if (user?.connections.size === 0) this.#users.delete(userId)
  }
}
