import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer } from '@roomful/server'
import { redis } from '@roomful/server/redis'
import { servePage } from './page.js'
import { protocol } from './protocol.js'

const { NODE_NAME: node = 'a', REDIS_URL: url = 'redis://127.0.0.1:6379', PORT = '0' } = process.env

const roomful = createServer({
  protocol,
  backplane: redis({ url }),
  on: { join: (context) => context.connection.broadcast({ type: 'served_by', node, killable: true }) },
  // No farewell: to its clients, to Redis and to the other node it is a crash.
  handle: { kill_node: () => void process.kill(process.pid, 'SIGKILL') },
})
const http = createHttpServer((request, response) => {
  if (request.url === '/readyz') response.writeHead(roomful.ready ? 200 : 503).end()
  else servePage(request, response)
})
roomful.attach(http, { path: '/ws' })
await roomful.start()
http.listen(Number(PORT), '127.0.0.1', () => process.send?.((http.address() as AddressInfo).port))
// A supervisor that died cannot stop it.
process.on('disconnect', () => process.exit())
