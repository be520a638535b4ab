import { createServer } from '@roomful/server'
import type { AccessList } from './access.js'
import { audit, seats } from './hook-sets.js'
import type { Tokens } from './tokens.js'

const READING: ReadonlySet<string> = new Set(['join', 'history'])

export function createSecureServer(tokens: Tokens, access: AccessList, tell: (line: string) => void) {
  const banned = new Set<string>()

  const server = createServer({
    async authenticate({ token }) {
      const user = await tokens.check(token)
      return user && 'userId' in user && banned.has(user.userId) ? null : user
    },
    // Asked on each join and on each message, so that a grant or a withdrawal counts at once. Nobody moderates: people
    // edit and delete only what they wrote.
    authorize: ({ user, action, roomId }) =>
      action !== 'moderate' && access.allows(roomId, user.id, READING.has(action) ? 'read' : 'write'),
    // In this order: who finds no seat did not join.
    on: [seats(2), audit(tell)],
  })

  return {
    server,
    /** Takes a user's access to a room away, and the user out of it. */
    withdraw(roomId: string, userId: string): void {
      access.withdraw(roomId, userId)
      server.room(roomId).kick(userId)
    },
    /** Ends all connections of a user, whose tokens are good for nothing from here on. */
    ban(userId: string): void {
      banned.add(userId)
      server.user(userId).disconnect()
    },
  }
}
