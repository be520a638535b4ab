// Socket.IO as its documentation shows it, with its rooms.
import { createServer } from 'node:http'
import { Server } from 'socket.io'

const http = createServer()
const server = new Server(http)

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
