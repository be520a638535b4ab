// Socket.IO with its Redis streams adapter, as its documentation shows it.
import { createServer } from 'node:http'
import { createAdapter } from '@socket.io/redis-streams-adapter'
import { createClient } from 'redis'
import { Server } from 'socket.io'

const client = createClient({ url: process.env.REDIS_URL })
await client.connect()
const http = createServer()
const server = new Server(http, { adapter: createAdapter(client) })

server.on('connection', (socket) => {
  socket.on('join', ({ room_id }) => {
    socket.join(room_id)
    socket.emit('joined', { room_id })
  })
  socket.on('chat_message', ({ room_id, message }) => {
    const timestamp = new Date().toISOString()
    server.to(room_id).emit('chat_message', { message, timestamp, user_id: socket.id })
  })
})

http.listen(0, '127.0.0.1', () => console.log(http.address().port))
