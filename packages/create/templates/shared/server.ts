import { readFile } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { createServer } from '@roomful/server'
import { sqlite } from '@roomful/server/sqlite'
import { rooms } from './rooms.js'

const PORT = Number(process.env.PORT ?? 3000)
const FILES: Readonly<Record<string, readonly [name: string, type: string]>> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/page.js': ['page.js', 'text/javascript; charset=utf-8'],
}

// Messages are stored in data/, and survive a restart.
const server = createServer({ ...rooms, backplane: sqlite({ file: './data/rooms.db' }) })

// One port serves the page over HTTP, and the rooms at /ws.
const http = createHttpServer(async (request, response) => {
  const [name, type] = FILES[request.url ?? ''] ?? []
  if (!name) return response.writeHead(404).end('Not found\n')
  const file = await readFile(new URL(`public/${name}`, import.meta.url))
  response.writeHead(200, { 'content-type': type }).end(file)
})
server.attach(http, { path: '/ws' })
await server.start()
http.listen(PORT, () => console.log(`Open http://localhost:${PORT} in two tabs`))

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    http.close()
    await server.close()
    process.exit()
  })
}
