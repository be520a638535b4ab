import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer, silentLogger } from '@roomful/server'
import { redis } from '@roomful/server/redis'
import type { NodeOptions, NodeReport } from './node-process.js'

/** A server in a process of its own, with the health endpoint that a balancer asks. */
const options: NodeOptions = JSON.parse(process.argv[2] ?? '{}', (_, value) =>
  // JSON has no Infinity: it comes as null.
  value === null ? Number.POSITIVE_INFINITY : value,
)
const faults: string[] = []
process.on('uncaughtException', (error) => faults.push(String(error.stack)))
process.on('unhandledRejection', (reason) => faults.push(String(reason)))

const server = createServer({
  backplane: redis(options.redis),
  limits: options.limits ?? {},
  logger: silentLogger,
})
const http = createHttpServer((request, response) => {
  const isUp = request.url === '/healthz' || server.ready
  response.writeHead(isUp ? 200 : 503, { connection: 'close' }).end()
})
server.attach(http)
await server.start()
http.listen(options.port ?? 0, '127.0.0.1', () => process.send?.((http.address() as AddressInfo).port))

process.on('message', () => {
  const report: NodeReport = { ...server.stats(), faults, ready: server.ready }
  process.send?.(report)
})
process.once('SIGTERM', () => void server.close(options.leave ?? {}).then(() => process.exit()))
// A parent that died cannot stop it.
process.on('disconnect', () => process.exit())
