import type { Connection } from './connection.js'
import type { Budget } from './session.js'

interface KnownUser {
  /** In the order in which they came. */
  readonly connections: Set<Connection>
  /** What they share once there are several: one alone is held to its own, which is as large. */
  budget: Budget | undefined
}

/** The connections of this node, and whose they are. */
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

  /** Binds a connection to its user; returns the user's other connections beyond `max`, those that were idle for longest. */
  bind(connection: Connection, userId: string, max: number): Connection[] {
    if (connection.session.user && connection.session.user.id !== userId) this.#unbind(connection)
    const user = this.#users.get(userId) ?? { connections: new Set(), budget: undefined }
    this.#users.set(userId, user)
    // What the first has spent so far counts, or a second connection would bring a fresh budget with it.
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
