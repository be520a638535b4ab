export type Access = 'read' | 'write'

/** Who may do what in which room. A real application asks its database. */
export class AccessList {
  readonly #rooms = new Map<string, Map<string, Access>>()

  grant(roomId: string, userId: string, access: Access): void {
    const users = this.#rooms.get(roomId) ?? new Map<string, Access>()
    this.#rooms.set(roomId, users.set(userId, access))
  }

  withdraw(roomId: string, userId: string): void {
    this.#rooms.get(roomId)?.delete(userId)
  }

  allows(roomId: string, userId: string, needed: Access): boolean {
    const access = this.#rooms.get(roomId)?.get(userId)
    return access === 'write' || access === needed
  }
}
