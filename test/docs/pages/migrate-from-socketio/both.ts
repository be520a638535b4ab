import { createServer } from 'node:http'
import { serveSocketIo } from './before-server.js'
import { roomful } from './server.js'

/** Pages of before stay on Socket.IO, new ones use Roomful, and all get the same messages. */
export function serveBoth() {
  const http = createServer()
  const server = roomful()
  // Socket.IO listens itself, and leaves other paths alone.
  const io = serveSocketIo(http, (room, user, text) => server.room(room).chat.send(text, { as: user }))
  http.on('upgrade', (request, socket, head) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    if (pathname === '/rooms') server.handleUpgrade(request, socket, head)
  })

  async function passOn() {
    for await (const { roomId, message } of server.changes({ from: 'now' }))
      if (message.type === 'chat_message')
        io.to(roomId).emit('message', { user: message.user_id, text: message.message })
  }
  passOn().catch((error) => console.error('Pages on Socket.IO get no messages any more', error))
  return { http, server, io }
}
