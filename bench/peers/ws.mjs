// What one writes first with ws: a set of sockets a room, and a loop.
import { WebSocketServer } from 'ws'

const rooms = new Map()
const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
let users = 0

server.on('connection', (socket) => {
  const userId = `user-${++users}`
  socket.on('message', (data) => {
    const message = JSON.parse(data)
    switch (message.type) {
      case 'join':
        join(message.room_id, socket)
        socket.send(JSON.stringify({ type: 'joined', room_id: message.room_id }))
        break
      case 'chat_message':
        broadcast(message.room_id, {
          type: 'chat_message',
          message: message.message,
          timestamp: new Date().toISOString(),
          user_id: userId,
        })
        break
    }
  })
})

function join(roomId, socket) {
  const room = rooms.get(roomId) ?? new Set()
  rooms.set(roomId, room.add(socket))
  socket.on('close', () => room.delete(socket))
}

function broadcast(roomId, message) {
  const text = JSON.stringify(message)
  for (const socket of rooms.get(roomId)) socket.send(text)
}

server.on('listening', () => console.log(server.address().port))
