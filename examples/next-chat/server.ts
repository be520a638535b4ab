import { createServer as createHttpServer } from 'node:http'
import { bearer, createServer } from '@roomful/server'
import { sqlite } from '@roomful/server/sqlite'
import { mayEnter, protocol } from './protocol'
import { verify } from './tokens'

const { API_KEY, PAGES_URL = '', PORT = '3014' } = process.env

const server = createServer({
  protocol,
  backplane: sqlite({ file: './data/chat.db' }),
  origins: [PAGES_URL],
  authenticate: ({ token = '' }) => verify(token, 'rooms'),
  authorize: ({ user, action, roomId }) => action !== 'moderate' && mayEnter(user.id, roomId),
})

// One port has the HTTP API, for the pages' server, and the WebSocket, for browsers.
const http = createHttpServer(server.http({ authenticate: bearer(API_KEY) }).node)
server.attach(http, { path: '/ws' })
await server.start()
http.listen(PORT, () => console.log(`Rooms are at http://localhost:${PORT}`))

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    http.close()
    await server.close()
    process.exit()
  })
}
