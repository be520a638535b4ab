import { createServer } from '@roomful/server'
import { sqlite } from '@roomful/server/sqlite'
import { protocol } from './protocol.js'

const server = createServer({
  protocol,
  backplane: sqlite({ file: './data/chat.db' }),
  handle: { wave: ({ room, user }, { emoji }) => room.broadcast({ type: 'waved', emoji, by: user.id }) },
})
const { url } = await server.listen({ port: 3000 })
console.log(`Roomful listens on ${url}`)
process.once('SIGTERM', () => server.close())
