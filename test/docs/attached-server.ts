import { createServer as createHttpServer } from 'node:http'
import { createServer } from '@roomful/server'
import { sqlite } from '@roomful/server/sqlite'

const { PORT = 3000, ADMIN_PORT = 9090 } = process.env
// Behind one proxy, which is why it listens on this machine alone.
const server = createServer({ backplane: sqlite({ file: './data/chat.db' }), trustedProxies: 1 })

const limits = { headersTimeout: 10_000, requestTimeout: 10_000, connectionsCheckingInterval: 1_000 }
const http = createHttpServer(limits, (_, response) => response.end('Your pages\n'))
http.timeout = 10_000 // of silence; no longer once it is a WebSocket
http.maxConnections = 11_000 // limits.connections, and 1,000 more for pages
server.attach(http, { path: '/ws' })
http.listen(Number(PORT), '127.0.0.1')

const admin = createHttpServer((request, response) => {
  if (request.url === '/healthz') response.end('ok\n')
  else if (request.url === '/readyz') response.writeHead(server.ready ? 200 : 503).end()
  else if (request.url === '/metrics')
    response.setHeader('content-type', 'text/plain; version=0.0.4').end(server.metrics())
  else response.writeHead(404).end()
})
admin.listen(Number(ADMIN_PORT), '127.0.0.1')

process.once('SIGTERM', async () => {
  await server.close()
  http.close()
  admin.close()
})
// It fails if the file cannot be opened, and the process ends.
await server.start()
