import { RoomfulError } from '@roomful/protocol'
import { createTestServer } from '@roomful/server/testing'
import { expect, it, vi } from 'vitest'

/** The packages loaded once more, as by `require` in an application that imports them, or twice in a monorepo. */
async function secondCopy() {
  vi.resetModules()
  const { refuse } = await import('@roomful/server')
  const { RoomfulError: Other } = await import('@roomful/protocol')
  return { refuse, Other }
}

it('[E16] a refusal made by another copy of the package keeps its code', async () => {
  const { refuse, Other } = await secondCopy()
  expect(Other).not.toBe(RoomfulError)
  const errors: unknown[] = []
  const { connect } = await createTestServer({
    on: {
      join() {
        throw refuse('game_full', 'The game is full')
      },
      error: (error) => void errors.push(error),
    },
  })
  const ana = await connect()
  ana.send({ type: 'join', room_id: 'r' })
  expect(await ana.next('error')).toMatchObject({ code: 'game_full', message: 'The game is full' })
  expect(errors).toEqual([])
})

it('errors of all copies are instances of RoomfulError, and of a subclass only its own', async () => {
  const { Other } = await secondCopy()
  class GameError extends RoomfulError {}
  expect(new Other('internal')).toBeInstanceOf(RoomfulError)
  expect(new GameError('internal')).toBeInstanceOf(RoomfulError)
  expect(new GameError('internal')).toBeInstanceOf(GameError)
  expect(new RoomfulError('internal')).not.toBeInstanceOf(GameError)
  expect(new Error('internal')).not.toBeInstanceOf(RoomfulError)
  expect(Object.keys(new RoomfulError('internal'))).toEqual(Object.keys(new Other('internal')))
})
