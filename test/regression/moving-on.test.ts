import { createClient } from '@roomful/client'
import { createTestServer, Device } from '@roomful/server/testing'
import { expect, it } from 'vitest'

it('[C20] [J11] a client that moves on at the advice of a draining server is not said to have left', async () => {
  const { server, network, clock, connect } = await createTestServer()
  const witness = await connect({ auth: false })
  await witness.join('r')
  const phone = new Device(network, { random: () => 0.5 })
  const client = createClient({ url: 'ws://test', session: 'memory' }, phone.runtime)
  await clock.settle()
  void client.room('r').join()
  await witness.next('user_joined')
  const closed = server.close({ drainMs: 15_000 })
  await clock.advance(10_000)
  expect(network.links).toHaveLength(1)
  expect(witness.frames.filter(({ type }) => type === 'user_left')).toEqual([])
  client.close()
  await clock.advance(20_000)
  await closed
})
