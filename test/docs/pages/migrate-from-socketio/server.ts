import { createServer, memory } from '@roomful/server'
import { protocol } from './protocol.js'
import { userOf } from './users.js'

export function roomful() {
  const votes = new Map<string, number>()
  return createServer({
    protocol,
    backplane: memory(),
    authenticate({ token }) {
      const userId = userOf(token)
      return userId ? { userId } : null
    },
    authorize: ({ action }) => action !== 'moderate',
    handle: {
      vote({ room, connection }, { option }) {
        const count = (votes.get(option) ?? 0) + 1
        votes.set(option, count)
        room.broadcast({ type: 'voted', option, count }, { except: connection.id })
        return { count }
      },
    },
  })
}
