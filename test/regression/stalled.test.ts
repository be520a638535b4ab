import { createTestServer } from '@roomful/server/testing'
import { expect, it } from 'vitest'

const unlimited = { messagesPerSecond: Infinity, messagesBurst: Infinity, bytesPerSecond: Infinity }

it('[C16] a connection that is not read from because its peer reads nothing is dropped like any other that shows no life', async () => {
  const { server, connect, clock } = await createTestServer({
    limits: { ...unlimited, backlogBytes: 100_000 },
  })
  const ana = await connect()
  await ana.join('r')
  const stalled = await connect()
  await stalled.join('r')
  stalled.link.slow(true)
  for (let count = 0; count < 40; count++)
    ana.send({ type: 'chat_message', room_id: 'r', message: 'x'.repeat(1_000) })
  await clock.settle()
  for (let count = 0; count < 100; count++) stalled.send({ type: 'typing_stop', room_id: 'r' })
  await clock.advance(120_000)
  expect(server.stats()).toMatchObject({ connections: 1, members: 1, backlogBytes: 0 })
})
