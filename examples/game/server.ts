import { createServer, refuse } from '@roomful/server'
import { Game } from './game.js'
import { protocol } from './protocol.js'

const LOBBY = 'lobby'

/** Each game is a room of its own, and whoever is in the lobby may open one. */
export function createGameServer() {
  const games = new Map<string, Game>()

  function find(roomId: string): Game {
    const game = games.get(roomId)
    if (!game) throw refuse('game_not_found', 'There is no such game')
    return game
  }

  return createServer({
    protocol,
    on: {
      join({ room, user }) {
        if (room.id === LOBBY) return
        if (!find(room.id).seat(user.id)) throw refuse('game_full', 'The game is full')
      },
    },
    handle: {
      create_game(_, { name }) {
        if (name === LOBBY || games.has(name)) return { created: false }
        games.set(name, new Game())
        return { created: true }
      },
      async move({ room, user }, { cell }) {
        const game = find(room.id)
        const mark = game.move(user.id, cell)
        if (!mark) return { legal: false }
        const { result } = game
        await room.publish({ type: 'move_made', cell, mark, player: user.id, ...(result && { result }) })
        if (result) games.delete(room.id)
        return { legal: true }
      },
      cursor({ room, user }, { x, y }) {
        const except = { user: user.id }
        room.broadcast({ type: 'cursor_moved', x, y, player: user.id }, { except, coalesceKey: user.id })
      },
    },
  })
}
