import { createTestServer, Device } from '@roomful/server/testing'
import { expect, it } from 'vitest'
import { createClient } from '../../src/index.js'
import { Members } from '../../src/members.js'

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

it('[P2] counts the members of a snapshot, for the notice with the count may have been lost', () => {
  const members = new Members(() => {})
  const joined = { type: 'joined', message: '', room_id: 'r', timestamp: '', more: false } as const
  const at = { epoch: 'e', offset: 0, id: 'e' }
  members.joined({ ...joined, ...at, members: [{ user_id: 'ada' }], count: 1, presence_version: 1 })
  const both = [{ user_id: 'ada' }, { user_id: 'bob' }]
  members.changed({ type: 'presence', room_id: 'r', version: 2, event: 'snapshot', members: both })
  expect(members.occupancy.get()).toBe(2)
})
