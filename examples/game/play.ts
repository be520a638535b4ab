import { createInterface } from 'node:readline'
import { createClient, RoomfulError } from '@roomful/client'
import { WebSocket } from 'ws'
import { protocol } from './protocol.js'

/** Plays a game in the terminal. The first player to name it opens it. */
async function play(name: string): Promise<void> {
  const client = createClient({ url: process.env.GAME_URL ?? 'ws://127.0.0.1:3002', protocol, WebSocket })
  const lobby = client.room('lobby')
  const room = client.room(name)
  const board = [...'012345678']
  const show = () => console.log(`${board.join(' ').replace(/(.{5}) /g, '$1\n')}\nYour move (0-8):`)

  room.on('move_made', ({ cell, mark, result }) => {
    board[cell] = mark
    show()
    if (!result) return
    console.log(result === 'won' ? `${mark} wins` : 'A draw')
    process.exit()
  })
  await lobby.join()
  await lobby.request('create_game', { name })
  await room.join()
  show()
  for await (const line of createInterface({ input: process.stdin })) {
    const reply = await room.request('move', { cell: Number(line) }).catch(explain)
    if (reply?.legal === false) console.log('That is not a legal move')
  }
  client.close()
}

/** Such as `Invalid message; cell: Invalid input`. */
function explain(error: unknown): void {
  if (!(error instanceof RoomfulError)) throw error
  const issues = error.issues.map(({ path, message }) => `${path}: ${message}`)
  console.log([error.message, ...issues].join('; '))
}

play(process.argv[2] ?? 'friday').catch((error: unknown) => {
  explain(error)
  process.exit(1)
})
