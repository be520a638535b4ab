import { createServer, memory } from '@roomful/server'
import { seats } from './seats.js'

/** Stands for your tables: who belongs to which room, and who moderates. */
export const members = new Map([['team', new Set(['ana', 'bob'])]])
export const moderators = new Set(['eva'])

export const server = createServer({
  backplane: memory(), // forgets all at its end; see "Messages on disk"
  // For trying it out: whoever claims a name has it. See "Authentication".
  authenticate: ({ token }) => (token ? { userId: token } : null),
  authorize({ user, action, roomId }) {
    if (action === 'moderate') return moderators.has(user.id)
    return roomId.startsWith('public-') || members.get(roomId)?.has(user.id) === true
  },
  on: seats((roomId) => (roomId === 'public-hall' ? 100 : 10)),
})

/** Takes the access away first: otherwise the client would be back at once. */
export function expel(roomId: string, userId: string) {
  members.get(roomId)?.delete(userId)
  server.room(roomId).kick(userId)
}
