import { readFile } from 'node:fs/promises'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createServer } from '@roomful/server'
import { sqlite } from '@roomful/server/sqlite'
import { rooms } from './rooms.js'

const { HOST = '127.0.0.1', PORT = '3000', TRUSTED_PROXIES = '0' } = process.env
const DATA = process.env.DATA ?? fileURLToPath(new URL('data', import.meta.url))
const FILES: Readonly<Record<string, readonly [name: string, type: string]>> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/page.js': ['page.js', 'text/javascript; charset=utf-8'],
}

// Messages are stored in DATA, and survive a restart.
const store = sqlite({ file: join(DATA, 'rooms.db') })
const server = createServer({ ...rooms, backplane: store, trustedProxies: Number(TRUSTED_PROXIES) })

const answer: RequestListener = async (request, response) => {
  const [path = ''] = request.url?.split('?') ?? []
  if (path === '/healthz') return response.end('ok\n')
  if (path === '/readyz') return response.writeHead(server.ready ? 200 : 503).end()
  if (path === '/metrics')
    return response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(server.metrics())
  const [name, type] = FILES[path] ?? []
  const file = name && (await readFile(new URL(`public/${name}`, import.meta.url)).catch(() => undefined))
  if (!file) return response.writeHead(404).end('Not found\n')
  response.writeHead(200, { 'content-type': type }).end(file)
}

// One port serves the page over HTTP, and the rooms at /ws. Sockets that are silent or slow are closed.
const limits = { headersTimeout: 10_000, requestTimeout: 10_000, connectionsCheckingInterval: 1_000 }
const http = createHttpServer(limits, answer)
http.setTimeout(10_000)
http.maxConnections = 11_000
server.attach(http, { path: '/ws' })
await server.start()
http.listen(Number(PORT), HOST, () => console.log(`Open http://localhost:${PORT} in two tabs`))

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    await server.close()
    http.close()
    process.exit()
  })
}
