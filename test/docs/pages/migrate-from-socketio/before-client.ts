import { io } from 'socket.io-client'

export async function enter(url: string, token: string, show: (line: string) => void) {
  const socket = io(url, { auth: { token } })
  const ask = (event: string, ...args: unknown[]) => socket.timeout(5_000).emitWithAck(event, ...args)
  socket.on('message', ({ user, text }) => show(`${user}: ${text}`))
  socket.on('typing', ({ user }) => show(`${user} is typing`))
  socket.on('voted', ({ option, count }) => show(`${option} has ${count}`))
  await ask('join', 'general')
  return {
    say: (text: string) => ask('message', 'general', text),
    type: () => socket.emit('typing', 'general'),
    vote: async (option: string): Promise<number> => (await ask('vote', 'general', option)).count,
    leave: () => socket.close(),
  }
}
