import { createServer } from 'node:http'
import type Pusher from 'pusher'
import { type Message, type Messages, serveChat } from './before-server.js'
import { roomful } from './server.js'

/** Pages of before stay on Pusher, new ones use Roomful. `rows` are those of your table: their ids are continued. */
export function serveBoth(pusher: Pusher, rows: readonly Message[] = []) {
  const server = roomful()
  const room = server.room('general')
  const lastId = rows.at(-1)?.id ?? 0
  const messages: Messages = {
    add: (user, text) => room.chat.send(text, { as: user }),
    async after(id) {
      const newer = await room.history({ after: Math.max(0, id - lastId) })
      const logged = newer.messages.map(({ offset, user_id, message, deleted }) => ({
        id: lastId + offset,
        user: user_id,
        text: deleted ? '(deleted)' : message,
      }))
      return [...rows.filter((row) => row.id > id), ...logged]
    },
  }
  server.consume(
    'pusher',
    async (changes) => {
      for (const { roomId, position, message } of changes) {
        if (message.type !== 'chat_message' || message.deleted) continue
        const { user_id: user, message: text } = message
        await pusher.trigger(`presence-${roomId}`, 'message', { id: lastId + position.offset, user, text })
      }
    },
    { from: 'now' },
  )
  const http = createServer(serveChat(pusher, messages))
  server.attach(http, { path: '/rooms' })
  return { http, server }
}
