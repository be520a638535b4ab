import { readFileSync } from 'node:fs'
import { RoomfulError as AnyRoomfulError, ERRORS } from '@roomful/protocol'
import { createServer, RoomfulError, refuse, silentLogger } from '@roomful/server'
import { expect, it, vi } from 'vitest'

const docs = readFileSync(new URL('../../../../docs/http.md', import.meta.url), 'utf8')

it('errors of the server have the HTTP status of their code', () => {
  const statuses = Object.keys(ERRORS).map((code) => new RoomfulError(code).status)
  expect(statuses.filter((status) => !(status >= 400 && status < 600))).toEqual([])
  expect(new RoomfulError('forbidden').status).toBe(403)
  expect(refuse('game_full', 'The game is full').status).toBe(403)
  expect(refuse('game_full', 'The game is full', { retryAfterMs: 5_000 }).status).toBe(503)
})

it('errors of the server have the HTTP status that docs/http.md says', () => {
  const [, table = ''] = docs.split('## Errors\n')
  const rows = [...table.matchAll(/^\| ([\d, ]+) \| (.*) \|$/gm)]
  expect(rows.length).toBeGreaterThan(8)
  for (const [, statuses = '', text = ''] of rows)
    for (const [, code = ''] of text.matchAll(/`([a-z_]+)`/g))
      if (code !== 'authenticate') expect(statuses, code).toContain(`${new RoomfulError(code).status}`)
})

it('errors of the server’s calls are of its class, which is also a RoomfulError of the protocol', async () => {
  const server = createServer({ logger: silentLogger })
  await server.close()
  const error = await server
    .room('a')
    .chat.send('Hello')
    .catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(RoomfulError)
  expect(error).toBeInstanceOf(AnyRoomfulError)
  expect(error).toMatchObject({ name: 'RoomfulError', code: 'closed', status: 503 })
  expect(RoomfulError.name).toBe('RoomfulError')
})

it('errors of the server are recognised from another copy, and those without a status are not', async () => {
  vi.resetModules()
  const { RoomfulError: Other } = await import('@roomful/server')
  class GameError extends RoomfulError {}
  expect(Other).not.toBe(RoomfulError)
  expect(new Other('internal')).toBeInstanceOf(RoomfulError)
  expect(new GameError('internal')).toBeInstanceOf(GameError)
  expect(new GameError('internal')).toBeInstanceOf(RoomfulError)
  expect(new RoomfulError('internal')).not.toBeInstanceOf(GameError)
  expect(new AnyRoomfulError('internal')).not.toBeInstanceOf(RoomfulError)
})
