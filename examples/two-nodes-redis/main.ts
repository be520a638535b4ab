import { Balancer } from './balancer.js'
import { startRedis } from './redis.js'
import { Supervisor } from './supervisor.js'

const { HOST = '127.0.0.1', PORT = '3007', REDIS_URL } = process.env

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit())

const redisUrl = REDIS_URL ?? (await startRedis())
const nodes = ['a', 'b'].map((name) => new Supervisor(name, redisUrl))
const ports = await Promise.all(nodes.map((node) => node.start()))
const { port } = await Balancer.listen(ports, Number(PORT), HOST)
console.log(`Roomful is at http://${HOST}:${port}, served by two nodes on ports ${ports.join(' and ')}`)
