import type { JsonObject } from '@roomful/protocol'
import type { PresentUser } from '../../api/contracts/backplane.js'
import type { PresentConnection } from './store.js'

interface Present {
  user: PresentUser
  readonly connections: Set<string>
}

/** The users who are present through this node. */
export class Roster {
  readonly #streams = new Map<string, Map<string, Present>>()

  add(stream: string, user: PresentUser, connection: string): void {
    const users = this.#streams.get(stream) ?? new Map<string, Present>()
    this.#streams.set(stream, users)
    const present = users.get(user.userId) ?? { user, connections: new Set() }
    users.set(user.userId, present)
    const { profile } = user
    if (profile) present.user = { ...present.user, profile }
    present.connections.add(connection)
  }

  setState(stream: string, userId: string, state: JsonObject): void {
    const present = this.#streams.get(stream)?.get(userId)
    if (present) present.user = { ...present.user, state }
  }

  remove({ stream, userId, connection }: PresentConnection): void {
    const users = this.#streams.get(stream)
    const present = users?.get(userId)
    present?.connections.delete(connection)
    if (present?.connections.size === 0) users?.delete(userId)
    if (users?.size === 0) this.#streams.delete(stream)
  }

  has({ stream, userId, connection }: PresentConnection): boolean {
    return this.#streams.get(stream)?.get(userId)?.connections.has(connection) ?? false
  }

  *all(): IterableIterator<{ readonly membership: PresentConnection; readonly user: PresentUser }> {
    for (const [stream, users] of this.#streams)
      for (const [userId, { user, connections }] of users)
        for (const connection of connections) yield { membership: { stream, userId, connection }, user }
  }
}
