// The built server on the store that it is told, in a process of its own, with an address for its health.
import { createServer as createHttpServer } from 'node:http'
import { createServer, memory, silentLogger, UNLIMITED } from '@roomful/server'

const STORES = {
  memory: (options) => memory(options),
  sqlite: async (options) => (await import('@roomful/server/sqlite')).sqlite(options),
  redis: async (options) => (await import('@roomful/server/redis')).redis(options),
}

const { store, options, port = 0 } = JSON.parse(process.argv[2])
let faults = 0
process.on('uncaughtException', () => faults++)
process.on('unhandledRejection', () => faults++)

const backplane = await STORES[store](options)
const server = createServer({ backplane, limits: UNLIMITED, logger: silentLogger })
const http = createHttpServer((request, response) => {
  if (request.url === '/faults') return void response.end(String(faults))
  const isUp = request.url === '/healthz' || server.ready
  response.writeHead(isUp ? 200 : 503).end()
})
server.attach(http)
await server.start()
http.listen(port, '127.0.0.1', () => process.send?.(http.address().port))

process.once('SIGTERM', () => void server.close().then(() => process.exit()))
// A parent that died cannot stop it.
process.on('disconnect', () => process.exit())
