import { createClient } from '@roomful/client'
import { protocol } from './protocol.js'

export async function enter(url: string, token: string, show: (line: string) => void) {
  const client = createClient({ url, protocol, token })
  const room = client.room('general')
  room.on('chat_message', ({ user_id, message }) => show(`${user_id}: ${message}`))
  room.on('user_typing', ({ user_id }) => show(`${user_id} is typing`))
  room.on('waved', ({ by, emoji }) => show(`${by} waves ${emoji}`))
  const { messages } = await room.join({ history: 50 })
  for (const { user_id, message, deleted } of messages) if (!deleted) show(`${user_id}: ${message}`)
  return {
    say: (text: string) => room.send(text),
    type: () => room.typing.keystroke(),
    wave: (emoji: string) => room.emit('wave', { emoji }),
    people: () => room.members.get().map(({ user_id }) => user_id),
    leave: () => client.close(),
  }
}
