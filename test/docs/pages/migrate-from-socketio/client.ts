import { createClient } from '@roomful/client'
import { protocol } from './protocol.js'

export async function enter(url: string, token: string, show: (line: string) => void) {
  const client = createClient({ url, protocol, token })
  const room = client.room('general')
  room.on('chat_message', ({ user_id, message }) => show(`${user_id}: ${message}`))
  room.on('user_typing', ({ user_id }) => show(`${user_id} is typing`))
  room.on('voted', ({ option, count }) => show(`${option} has ${count}`))
  await room.join()
  return {
    say: (text: string) => room.send(text),
    type: () => room.typing.keystroke(),
    vote: async (option: string) => (await room.request('vote', { option })).count,
    leave: () => client.close(),
  }
}
