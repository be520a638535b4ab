import { createServer as createHttpServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { createServer, refuse } from '@roomful/server'
import { sqlite } from '@roomful/server/sqlite'
import sirv from 'sirv'
import { NAME, protocol, ROOMS } from './protocol.js'

const { HOST = '127.0.0.1', PORT = '3010', DATA = './data' } = process.env
const isName = new RegExp(`^${NAME}$`, 'u')

const rooms = createServer({
  protocol,
  backplane: sqlite({ file: `${DATA}/chat.db` }),
  // Whoever gives a name is that person. Check a token of your own log-in here.
  authenticate: ({ token = '' }) => (isName.test(token) ? { userId: token } : null),
  // Nobody moderates: people edit and delete only what they wrote.
  authorize: ({ action, roomId }) => action !== 'moderate' && ROOMS.some(({ id }) => id === roomId),
  handle: {
    async chat_message({ room, user, edit }, chat) {
      const { messages } = room.id === 'story' && !edit ? await room.history({ limit: 1 }) : { messages: [] }
      if (messages[0]?.user_id === user.id)
        throw refuse('not_your_turn', 'Wait until somebody else has added a sentence')
      return chat
    },
    wave: ({ room, user }) => room.broadcast({ type: 'waved', by: user.id }),
  },
})

const pages = sirv(fileURLToPath(new URL('dist', import.meta.url)))
const http = createHttpServer((request, response) => pages(request, response))
rooms.attach(http, { path: '/ws' })
await rooms.start()
http.listen(Number(PORT), HOST, () =>
  console.log(`Open http://${HOST}:${Object(http.address()).port} in two tabs`),
)

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    http.close()
    await rooms.close()
    process.exit()
  })
}
