import { createClient } from '@roomful/client'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { protocol } from '../protocol.js'
import { createGameServer } from '../server.js'

async function serve() {
  const server = createGameServer()
  onTestFinished(() => server.close())
  const { url } = await server.listen({ port: 0 })
  return url
}

function connect(url: string) {
  const client = createClient({ url, protocol, WebSocket })
  onTestFinished(() => client.close())
  return client
}

/** A game with both its players in it. */
async function startGame() {
  const url = await serve()
  const lobby = connect(url).room('lobby')
  await lobby.join()
  expect(await lobby.request('create_game', { name: 'friday' })).toEqual({ created: true })
  expect(await lobby.request('create_game', { name: 'friday' })).toEqual({ created: false })
  const [x, o] = [connect(url).room('friday'), connect(url).room('friday')]
  await x.join()
  await o.join()
  return { url, x, o }
}

type Player = Awaited<ReturnType<typeof startGame>>['x']

/** The moves that a player sees, as `x4`. */
function watch(player: Player): string[] {
  const moves: string[] = []
  player.on('move_made', ({ mark, cell, result }) =>
    moves.push(`${mark}${cell}${result ? ` ${result}` : ''}`),
  )
  return moves
}

describe('a game', () => {
  it('[A4] [A7] a game is played by requests with typed replies, and both players see every move in order', async () => {
    const { x, o } = await startGame()
    const seen = [watch(x), watch(o)]
    const turns = [0, 3, 1, 4, 2].map((cell, turn) => ({ cell, player: turn % 2 ? o : x }))
    for (const { cell, player } of turns) {
      expect(await player.request('move', { cell })).toEqual({ legal: true })
    }
    for (const moves of seen) {
      await expect.poll(() => moves).toEqual(['x0', 'o3', 'x1', 'o4', 'x2 won'])
    }
  })

  it('[A4] a game answers a move out of turn with a reply, and tells nobody', async () => {
    const { x, o } = await startGame()
    const moves = watch(x)
    expect(await o.request('move', { cell: 0 })).toEqual({ legal: false })
    expect(await x.request('move', { cell: 8 })).toEqual({ legal: true })
    await expect.poll(() => moves).toEqual(['x8'])
  })

  it('[A8] a game shows a cursor to the other player alone', async () => {
    const { x, o } = await startGame()
    const own: object[] = []
    x.on('cursor_moved', (moved) => own.push(moved))
    const seen = new Promise((resolve) => o.on('cursor_moved', resolve))
    expect(x.emit('cursor', { x: 3, y: 4 })).toBe(true)
    expect(await seen).toMatchObject({ x: 3, y: 4, room_id: x.id })
    expect(await x.request('move', { cell: 0 })).toEqual({ legal: true })
    expect(own).toEqual([])
  })
})

describe('admission', () => {
  it('[J7] admission refuses a third player with game_full, and lets a player come back to its seat', async () => {
    const { url, x } = await startGame()
    await expect(connect(url).room('friday').join()).rejects.toMatchObject({
      code: 'game_full',
      message: 'The game is full',
      roomId: 'friday',
    })
    await x.leave()
    await x.join()
    expect(await x.request('move', { cell: 4 })).toEqual({ legal: true })
  })

  it('[J7] admission refuses a game that was never opened with game_not_found', async () => {
    const room = connect(await serve()).room('chess')
    await expect(room.join()).rejects.toMatchObject({ code: 'game_not_found' })
    expect(room.status.get()).toMatchObject({ state: 'denied', error: { code: 'game_not_found' } })
  })
})

describe('an invalid move', () => {
  it('[A3] an invalid move is refused before it is sent, with the field that is wrong', async () => {
    const { x } = await startGame()
    await expect(x.request('move', { cell: 9 })).rejects.toMatchObject({
      code: 'invalid_message',
      issues: [{ path: 'cell' }],
    })
  })

  it('[E8] [E11] an invalid move is refused by the server as well, and the connection lives', async () => {
    const { url } = await startGame()
    const socket = new WebSocket(url)
    onTestFinished(() => socket.close())
    const frames: { type: string }[] = []
    socket.on('message', (data) => frames.push(JSON.parse(String(data))))
    await new Promise((resolve) => socket.once('open', resolve))
    socket.send(JSON.stringify({ type: 'join', room_id: 'lobby' }))
    socket.send(JSON.stringify({ type: 'move', room_id: 'lobby', ref: 'a', cell: 'middle' }))
    socket.send(JSON.stringify({ type: 'move', room_id: 'friday', ref: 'b', cell: 4 }))
    socket.send('{"type":')
    await expect
      .poll(() => frames.slice(2))
      .toMatchObject([
        { type: 'error', code: 'invalid_message', ref: 'a', issues: [{ path: 'cell' }] },
        { type: 'error', code: 'not_in_room', ref: 'b' },
        { type: 'error', code: 'invalid_json', message: 'Invalid JSON format' },
      ])
    expect(socket.readyState).toBe(WebSocket.OPEN)
  })
})
