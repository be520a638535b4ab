// The published package. Limits of rate and number are off; all else is as it comes.
import { createServer, UNLIMITED } from '@roomful/server'

const server = createServer({ limits: UNLIMITED })
const { port } = await server.listen({ port: 0 })
console.log(port)
