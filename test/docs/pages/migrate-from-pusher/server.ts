import { createServer, memory } from '@roomful/server'
import { protocol } from './protocol.js'
import { lastSeen, userOf } from './users.js'

export function roomful() {
  return createServer({
    protocol,
    backplane: memory(),
    authenticate({ token }) {
      const userId = userOf(token)
      return userId ? { userId } : null
    },
    authorize: ({ roomId, action }) => roomId === 'general' && action !== 'moderate',
    handle: {
      wave({ room, user, connection }, { emoji }) {
        room.broadcast({ type: 'waved', emoji, by: user.id }, { except: connection.id })
      },
    },
    on: { leave: ({ user }) => void lastSeen.set(user.id, Date.now()) },
  })
}
