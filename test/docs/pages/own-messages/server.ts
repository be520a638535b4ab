import { createServer, memory } from '@roomful/server'
import { protocol } from './protocol.js'

const highest = new Map<string, number>()

export const server = createServer({
  protocol,
  backplane: memory(),
  handle: {
    async bid({ room, user }, { price }) {
      if (price <= (highest.get(room.id) ?? 0)) return { leads: false }
      highest.set(room.id, price)
      await room.publish({ type: 'outbid', price, by: user.id })
      return { leads: true }
    },
    point({ room, user, connection }, { x, y }) {
      room.broadcast({ type: 'pointed', x, y, by: user.id }, { except: connection.id, coalesceKey: user.id })
    },
  },
})
