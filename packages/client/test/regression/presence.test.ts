import { createTestServer, Device } from '@roomful/server/testing'
import { expect, it } from 'vitest'
import { createClient } from '../../src/index.js'
import { MemberList } from '../../src/room/member-list.js'

it('[P2] [E12] a state that its rate refused is told again, else the others would show an old one', async () => {
  const limits = { messagesPerSecond: 2, messagesBurst: 2 }
  const { network, clock, server } = await createTestServer({ limits })
  const room = createClient({ url: 'ws://test', session: 'memory' }, new Device(network).runtime).room('r')
  room.join()
  await clock.settle()
  for (let mood = 1; mood <= 10; mood++) room.presence.set({ mood })
  await clock.advance(10_000)
  expect((await server.room('r').info()).members).toMatchObject([{ state: { mood: 10 } }])
  expect(room.members.get()).toMatchObject([{ state: { mood: 10 } }])
})

it('[P2] a client’s member list counts the members of a snapshot, for the notice with the count may have been lost', () => {
  const members = new MemberList(
    () => {},
    () => {},
  )
  const joined = { type: 'joined', message: '', room_id: 'r', timestamp: '', more: false } as const
  const at = { epoch: 'e', offset: 0, id: 'e' }
  members.joined({ ...joined, ...at, members: [{ user_id: 'ada' }], count: 1, presence_version: 1 })
  const both = [{ user_id: 'ada' }, { user_id: 'bob' }]
  members.changed({ type: 'presence', room_id: 'r', version: 2, event: 'snapshot', members: both })
  expect(members.occupancy.get()).toBe(2)
})

it('[J15] a client’s member list keeps a list that is left out because it is here already, and no other', () => {
  const members = new MemberList(() => {})
  const joined = { type: 'joined', message: '', room_id: 'r', timestamp: '', more: false } as const
  const at = { epoch: 'e', offset: 0, id: 'e' }
  members.joined({ ...joined, ...at, members: [{ user_id: 'ada' }], count: 1, presence_version: 1 })
  members.joined({ ...joined, ...at, count: 1, presence_version: 1 })
  expect(members.list.get()).toEqual([{ user_id: 'ada' }])
  members.joined({ ...joined, ...at, count: 300 })
  expect([members.list.get(), members.occupancy.get()]).toEqual([[], 300])
})

it('[H4] a client’s member list shows the members that were here while a resume comes in pages', async () => {
  const limits = { pageBytes: 4_000, messagesPerSecond: 1_000 }
  const { network, clock, connect } = await createTestServer({ limits })
  const device = new Device(network)
  const room = createClient({ url: 'ws://test', session: 'memory' }, device.runtime).room('r')
  const bob = await connect()
  await bob.join('r')
  room.join()
  await clock.settle()
  const lengths: number[] = []
  room.members.subscribe(() => lengths.push(room.members.get().length))
  device.goOffline()
  await clock.advance(1_000)
  const eve = await connect()
  await eve.join('r')
  for (let count = 0; count < 20; count++)
    eve.send({ type: 'chat_message', room_id: 'r', message: 'x'.repeat(900) })
  await clock.settle()
  device.goOnline()
  await clock.advance(5_000)
  expect(room.status.get()).toMatchObject({ state: 'live', recovered: true })
  expect(Math.min(...lengths)).toBeGreaterThanOrEqual(2)
})
