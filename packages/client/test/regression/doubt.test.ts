import { RoomfulError } from '@roomful/protocol/wire'
import { createTestServer, Device } from '@roomful/server/testing'
import { expect, it } from 'vitest'
import { createClient, type OutboxStorage, type StoredMessage, storedOutbox } from '../../src/index.js'
import { Outbox } from '../../src/outbox/outbox.js'

const entry = {
  clientId: 'a',
  roomId: 'r',
  message: 'hello',
  data: undefined,
  userId: 'ada',
  doubtSince: undefined,
}

it('[M12] a refusal for good on a later connection does not tell what became of an earlier transmission', () => {
  const outbox = new Outbox({ maxMessages: 10, maxBytes: 10_000, window: 10 })
  outbox.add(entry)
  outbox.transmitted('a', 0)
  outbox.disconnected()
  outbox.transmitted('a', 10)
  const settled = outbox.refused('a', new RoomfulError('not_in_room'), 20)
  expect(settled?.outcome).toMatchObject({ code: 'outcome_unknown', cause: { code: 'not_in_room' } })
})

it('[M12] a stored message that was sent in the future, as after the clock was set back, is not sent again', async () => {
  const options = { authenticate: () => ({ userId: 'ada' }), authorize: () => true }
  const { network, clock, server } = await createTestServer(options)
  const stored: StoredMessage = {
    ...entry,
    userId: 'ada',
    sequence: 1,
    doubtSince: clock.wallTime() + 60_000,
  }
  const storage: OutboxStorage = {
    open(_, opened) {
      opened([stored])
      return () => {}
    },
    put() {},
    remove() {},
  }
  const { runtime } = new Device(network)
  const client = createClient({ url: 'ws://test', token: 'a token', storage: storedOutbox(storage) }, runtime)
  client.room('r').join()
  await clock.settle()
  expect(client.room('r').timeline.get()).toMatchObject([
    { state: 'failed', error: { code: 'outcome_unknown' } },
  ])
  expect((await server.room('r').info()).head.offset).toBe(0)
})

it('[M12] a refusal because the store did not answer leaves in doubt whether it has the message', () => {
  const outbox = new Outbox({ maxMessages: 10, maxBytes: 10_000, window: 10 })
  outbox.add(entry)
  outbox.transmitted('a', 0)
  outbox.refused('a', new RoomfulError('unavailable'), 10)
  const left = outbox.fail(() => true, new RoomfulError('not_in_room'))
  expect(left).toMatchObject([{ outcome: { code: 'outcome_unknown', cause: { code: 'not_in_room' } } }])
})
