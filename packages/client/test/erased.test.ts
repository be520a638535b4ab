import { createTestServer, Device } from '@roomful/server/testing'
import { expect, it } from 'vitest'
import { createClient } from '../src/index.js'

async function lobby(test = createTestServer(), history = 50) {
  const { server, network, clock } = await test
  const device = new Device(network)
  const room = createClient({ url: 'ws://test', session: 'memory' }, device.runtime).room('lobby')
  const joining = room.join({ history })
  await clock.settle()
  await joining
  const shown = () =>
    room.timeline.get().map((entry) => {
      if (entry.kind === 'break') return entry.reason
      const { message } = entry
      return message.type === 'chat_message' ? [message.message, message.deleted ?? false] : message.type
    })
  return { server, clock, device, room, shown }
}

it('[M15] a timeline shows what a user wrote as deleted once it was erased, without a gap, and tells of it', async () => {
  const { server, clock, room, shown } = await lobby()
  const { chat } = server.room('lobby')
  const told: unknown[] = []
  room.on('messages_erased', ({ user_id, through }) => told.push([user_id, through]))
  await chat.send('one', { as: 'ada' })
  await chat.send('two', { as: 'bob' })
  await chat.send('three', { as: 'ada' })
  await clock.settle()
  await server.user('ada').erase()
  await chat.send('four', { as: 'ada' })
  await clock.settle()
  expect(shown()).toEqual([
    ['', true],
    ['two', false],
    ['', true],
    ['four', false],
  ])
  expect(told).toEqual([['ada', 3]])
})

it('[M15] a client that was away when messages were erased shows none of them when it is back', async () => {
  const { server, clock, device, room, shown } = await lobby()
  const { chat } = server.room('lobby')
  await chat.send('one', { as: 'ada' })
  await clock.settle()
  expect(shown()).toEqual([['one', false]])
  device.link?.cut()
  await clock.settle()
  await chat.send('two', { as: 'ada' })
  await server.user('ada').erase()
  await clock.advance(60_000)
  expect(room.status.get()).toMatchObject({ state: 'live', recovered: true })
  expect(shown()).toEqual([
    ['', true],
    ['', true],
  ])
})

it('[M15] an old erasure in a page of history leaves what the user has written since', async () => {
  const test = await createTestServer()
  const { chat } = test.server.room('lobby')
  await chat.send('one', { as: 'ada' })
  await test.server.user('ada').erase()
  await chat.send('two', { as: 'ada' })
  const { clock, room, shown } = await lobby(Promise.resolve(test), 1)
  expect(shown()).toEqual([['two', false]])
  const reading = room.history({ before: 3 })
  await clock.settle()
  expect((await reading).messages.map(({ type }) => type)).toEqual(['chat_message'])
  expect(shown()).toEqual([
    ['', true],
    ['two', false],
  ])
})
