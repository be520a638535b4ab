import { createTestServer, Device } from '@roomful/server/testing'
import { expect, it } from 'vitest'
import { createClient } from '../../src/index.js'

it('[C2] a client with a hundred rooms is back in all of them soon after a reconnect, and refused nothing', async () => {
  const { network, clock, server } = await createTestServer()
  const device = new Device(network)
  const client = createClient({ url: 'ws://test', session: 'memory' }, device.runtime)
  const rooms = Array.from({ length: 100 }, (_, index) => client.room(`room-${index}`))
  for (const room of rooms) room.join({ history: 50 })
  await clock.advance(5_000)
  const refused = () => /roomful_errors_total\{code="rate_limited"\} (\d+)/.exec(server.metrics())?.[1] ?? '0'
  expect(rooms.filter((room) => room.status.get().state === 'live')).toHaveLength(100)
  await clock.advance(30_000)
  device.goOffline()
  await clock.advance(20_000)
  device.goOnline()
  await clock.advance(10_000)
  expect(rooms.filter((room) => room.status.get().state === 'live')).toHaveLength(100)
  expect(refused()).toBe('0')
})

it('[H9] a client pages back through a whole log at the rate that it may, and waits for none of it', async () => {
  const { network, clock, connect } = await createTestServer({
    limits: { messagesPerSecond: 1_000, messagesBurst: 1_000, bytesPerSecond: Infinity },
  })
  const writer = await connect()
  await writer.join('r')
  for (let count = 0; count < 900; count++)
    writer.send({ type: 'chat_message', room_id: 'r', message: 'x'.repeat(700) })
  await clock.settle()
  const room = createClient({ url: 'ws://test', session: 'memory' }, new Device(network).runtime).room('r')
  room.join()
  await clock.settle()
  let read = 0
  const first = room.history({ limit: 1_000 })
  await clock.settle()
  let page = await first
  for (;;) {
    read += page.messages.length
    if (!page.more) break
    const next = page.next()
    await clock.advance(500)
    page = await next
  }
  expect(read).toBe(900)
})
