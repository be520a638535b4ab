import { createServer } from '@roomful/server'
import { protocol } from './protocol.js'

const server = createServer({
  protocol,
  handle: { wave: ({ room, user }, { emoji }) => room.broadcast({ type: 'waved', emoji, by: user.id }) },
})
await server.listen({ port: 3000 })
