import { createClient } from '@roomful/client'
import { WebSocket } from 'ws'

/** Answers `!time` in a room. The client sees to reconnecting and rejoining. */
export function startBot(url: string, roomId: string) {
  const client = createClient({ url, WebSocket })
  const room = client.room(roomId)
  room.on('chat_message', ({ message }) => {
    if (message.trim() === '!time') room.send(`It is ${new Date().toISOString()}`)
  })
  // A refusal is told by the status as well.
  void room.join()
  return client
}
