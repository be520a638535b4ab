import { createClient } from '@roomful/client'
import { createTestServer, Device } from '@roomful/server/testing'
import { expect, it } from 'vitest'
import { connectionBar, lines } from './offline.js'

it('docs/offline.md: what is written offline is shown as pending, and sent in order once the network is back', async () => {
  const { network, clock, server } = await createTestServer()
  const phone = new Device(network)
  const client = createClient({ url: 'ws://test', session: 'memory' }, phone.runtime)
  const room = client.room('general')
  room.join()
  await clock.advance(1_000)
  expect(connectionBar(client)).toBe('')

  phone.goOffline()
  await clock.advance(1_000)
  room.send('one')
  room.send('two')
  expect(lines(room)).toEqual(['one (pending)', 'two (pending)'])
  expect(connectionBar(client, clock.now())).toMatch(/^(You are offline|Connecting again in \d+ s)/)

  await expect(room.history()).rejects.toMatchObject({ code: 'not_connected' })

  phone.goOnline()
  await clock.advance(5_000)
  expect(lines(room)).toEqual(['one', 'two'])
  expect(connectionBar(client)).toBe('')
  expect((await server.room('general').history()).messages).toHaveLength(2)
})
