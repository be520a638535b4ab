import { createClient } from '@roomful/client'
import { createServer } from '@roomful/server'
import { WebSocket } from 'ws'
import { startBot } from './bot.js'

const ROOM = 'general'

let server = createServer()
const { url, port } = await server.listen({ port: Number(process.env.PORT ?? 3005) })
const bot = startBot(url, ROOM)
const botsRoom = bot.room(ROOM)
botsRoom.on('status', ({ to }) => console.log(`[the bot is ${to.state}: ${to.reason}]`))

const ana = createClient({ url, WebSocket })
const room = ana.room(ROOM)
room.on('chat_message', ({ user_id, message }) =>
  console.log(`${user_id === bot.user.get() ? 'bot' : 'ana'}: ${message}`),
)

/** Asks, and waits for the answer. */
async function ask(): Promise<void> {
  const answered = new Promise<void>((resolve) => {
    const stop = room.on('chat_message', ({ user_id }) => {
      if (user_id !== bot.user.get()) return
      stop()
      resolve()
    })
  })
  await Promise.all([botsRoom.join(), room.join()])
  await room.send('!time')
  await answered
}

await ask()
console.log('[the server is restarted]')
await server.close()
server = createServer()
await server.listen({ port })
await ask()
for (const client of [ana, bot]) client.close()
await server.close()
