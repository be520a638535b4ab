import type { Server as HttpServer } from 'node:http'
import { Server } from 'socket.io'
import { userOf } from './users.js'

type Say = (room: string, user: string, text: string) => unknown

/** `say` is what becomes of a message: without it, everybody in the room gets it. */
export function serveSocketIo(http: HttpServer, say?: Say): Server {
  const votes = new Map<string, number>()
  const io = new Server(http, { connectionStateRecovery: {}, destroyUpgrade: false })
  io.use((socket, next) => {
    socket.data.user = userOf(socket.handshake.auth.token)
    next(socket.data.user ? undefined : new Error('unauthorized'))
  })
  io.on('connection', (socket) => {
    const { user } = socket.data
    socket.on('join', (room, done) => {
      socket.join(room)
      done()
    })
    socket.on('message', async (room, text, done) => {
      if (typeof text !== 'string' || !socket.rooms.has(room)) return done({ error: 'invalid' })
      if (say) await say(room, user, text)
      else io.to(room).emit('message', { user, text })
      done({})
    })
    socket.on('typing', (room) => socket.to(room).emit('typing', { user }))
    socket.on('vote', (room, option, done) => {
      const count = (votes.get(option) ?? 0) + 1
      votes.set(option, count)
      socket.to(room).emit('voted', { option, count })
      done({ count })
    })
  })
  return io
}
