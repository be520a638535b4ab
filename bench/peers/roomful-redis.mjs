// The published package on Redis. Limits of rate and number are off; all else is as it comes.
import { createServer, UNLIMITED } from '@roomful/server'
import { redis } from '@roomful/server/redis'

const server = createServer({ limits: UNLIMITED, backplane: redis({ url: process.env.REDIS_URL }) })
const { port } = await server.listen({ port: 0 })
console.log(port)
