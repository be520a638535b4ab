import { createTestServer, Device } from '@roomful/server/testing'
import { expect, it } from 'vitest'
import { createClient } from '../../src/index.js'

it('[P2] [E12] a state that its rate refused is told again, else the others would show an old one', async () => {
  const limits = { messagesPerSecond: 2, messagesBurst: 2 }
  const { network, clock, server } = await createTestServer({ limits })
  const room = createClient({ url: 'ws://test', session: 'memory' }, new Device(network).runtime).room('r')
  room.join()
  await clock.settle()
  for (let mood = 1; mood <= 10; mood++) room.presence.set({ mood })
  await clock.advance(10_000)
  expect((await server.room('r').info()).members).toMatchObject([{ state: { mood: 10 } }])
  expect(room.presence.get()).toMatchObject([{ state: { mood: 10 } }])
})
