// The built server on the store that it is told, in a process of its own, with addresses for its health, its pace, its memory and its API.
import { createServer as createHttpServer } from 'node:http'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { bearer, createServer, memory, UNLIMITED } from '@roomful/server'

const STORES = {
  memory: (options) => memory(options),
  redis: async (options) => (await import('@roomful/server/redis')).redis(options),
  sqlite: async (options) => (await import('@roomful/server/sqlite')).sqlite(options),
}

const { store, options, port = 0, apiKey, webhooks = [] } = JSON.parse(process.argv[2])
let faults = 0
process.on('uncaughtException', () => faults++)
process.on('unhandledRejection', () => faults++)

const tell = (message) => process.connected && process.send(message)
const log = (level) => (fields, event) => tell({ level, event: `${event} ${fields.err ?? ''}`.trim() })
const logger = { debug() {}, info() {}, warn: log('warn'), error: log('error') }
const backplane = await STORES[store](options)
const server = createServer({ backplane, limits: UNLIMITED, logger })

const memoryInUse = () => {
  globalThis.gc()
  const { heapUsed: heap, rss: resident } = process.memoryUsage()
  return JSON.stringify({ heap, resident })
}

const delays = monitorEventLoopDelay({ resolution: 1 })
const answers = {
  '/healthz': () => [200, ''],
  '/readyz': () => [server.ready ? 200 : 503, ''],
  '/metrics': () => [200, server.metrics()],
  '/faults': () => [200, String(faults)],
  '/memory': () => [200, memoryInUse()],
  '/delays': () => {
    const late = delays.percentile(99)
    // Each time anew: what is asked for is how late the loop was since the last question.
    delays.reset()
    return [200, String(late / 1e6)]
  },
  '/erase': async ({ user }) => [200, String(await server.user(user).erase())],
  '/changes': async () => [200, await linesOf(server.changes({ live: false }))],
  '/export': async (what) => [200, await linesOf(backplane.export(what))],
}

async function linesOf(entries) {
  const lines = []
  for await (const entry of entries) lines.push(typeof entry === 'string' ? entry : JSON.stringify(entry))
  return lines.join('\n')
}

const api = apiKey && server.http({ authenticate: bearer(apiKey) })
const http = createHttpServer(async (request, response) => {
  if (api && request.url.startsWith('/api/')) return api.node(request, response)
  const { pathname, searchParams } = new URL(request.url, 'http://localhost')
  const [status, text] = (await answers[pathname]?.(Object.fromEntries(searchParams))) ?? [404, '']
  response.writeHead(status, { connection: 'close' }).end(text)
})
server.attach(http)
server.webhooks(webhooks)
try {
  await server.start()
} catch (error) {
  tell({ failed: error.message })
  process.exit(1)
}
delays.enable()
http.listen(port, '127.0.0.1', () => tell({ port: http.address().port }))

process.once('SIGTERM', () => void server.close().then(() => process.exit()))
// A parent that died cannot stop it.
process.on('disconnect', () => process.exit())
