import { createGameServer } from './server.js'

const { url } = await createGameServer().listen({ port: Number(process.env.PORT ?? 3002) })
console.log(`Games are played at ${url}; play with: npm run play -w examples/game NAME`)
