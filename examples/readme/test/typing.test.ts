import { createTestServer } from '@roomful/server/testing'
import { expect, it } from 'vitest'

it('a user who falls silent is no longer shown as typing', async () => {
  const { connect, clock } = await createTestServer()
  const [ana, bob] = [await connect(), await connect()]
  await ana.join('general')
  await bob.join('general')
  ana.send({ type: 'typing_start', room_id: 'general' })
  const { user_id } = await bob.next('user_typing')
  await clock.advance(6_000)
  expect(await bob.next('user_stopped_typing')).toMatchObject({ user_id })
})
