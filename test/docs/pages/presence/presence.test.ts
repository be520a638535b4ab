import { createClient } from '@roomful/client'
import { createTestServer, Device } from '@roomful/server/testing'
import { expect, it } from 'vitest'
import { type Shown, watchPeople } from './presence.js'

async function start() {
  const { network, clock } = await createTestServer({ authenticate: ({ token = '' }) => ({ userId: token }) })
  const enter = async (token: string) => {
    const device = new Device(network)
    const client = createClient({ url: 'ws://test', token, session: 'memory' }, device.runtime)
    let shown: Shown | undefined
    const room = watchPeople(client, 'general', (people) => {
      shown = people
    })
    room.join()
    await clock.advance(1_000)
    return { device, room, client, shows: () => shown }
  }
  return { clock, enter }
}

it('docs/presence.md: everybody sees who is there, and who is away', async () => {
  const { clock, enter } = await start()
  const ana = await enter('ana')
  const bob = await enter('bob')
  expect(ana.shows()).toEqual({ online: ['ana', 'bob'], count: 2, typing: [] })
  bob.room.presence.set({ away: true })
  await clock.advance(1_000)
  expect(ana.shows()?.online).toEqual(['ana', 'bob (away)'])
})

it('docs/presence.md: who types is shown, and no longer once they are silent for five seconds', async () => {
  const { clock, enter } = await start()
  const ana = await enter('ana')
  const bob = await enter('bob')
  bob.room.typing.keystroke()
  await clock.advance(500)
  expect(ana.shows()?.typing).toEqual(['bob'])
  expect(bob.shows()?.typing).toEqual([])
  await clock.advance(6_000)
  expect(ana.shows()?.typing).toEqual([])
})

it('docs/presence.md: who loses the connection for less than ten seconds does not disappear', async () => {
  const { clock, enter } = await start()
  const ana = await enter('ana')
  const bob = await enter('bob')
  bob.device.link?.cut()
  await clock.advance(5_000)
  expect(ana.shows()?.online).toEqual(['ana', 'bob'])
  bob.client.close()
  await clock.advance(12_000)
  expect(ana.shows()?.online).toEqual(['ana'])
})
