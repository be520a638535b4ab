import assert from 'node:assert/strict'
import { createClient, type Sent } from '@roomful/client'
import { memory } from '@roomful/server'
import { createTestServer, Device, newNetwork } from '@roomful/server/testing'
import { recorded } from './recorded.js'

const BATCH = 25
const unlimited = Number.POSITIVE_INFINITY

/** Loses the acknowledgements of every batch, so that each message is sent again; returns how often they were lost. */
export async function loseAcks(messages: number): Promise<number> {
  const network = newNetwork()
  const { clock } = network
  const logged = new Map<string, number>()
  const backplane = recorded(memory(), (_, { clientId = '' }) => {
    logged.set(clientId, (logged.get(clientId) ?? 0) + 1)
  })
  const limits = { messagesPerSecond: unlimited, bytesPerSecond: unlimited, joinsPerSecond: unlimited }
  await createTestServer({ backplane, limits }, { network })
  const device = new Device(network)
  const room = createClient({ url: 'ws://test', session: 'memory' }, device.runtime).room('r')
  room.join()
  await clock.advance(1_000)
  const sent: Sent[] = []
  let losses = 0
  while (sent.length < messages) {
    for (let i = 0; i < BATCH; i++) sent.push(room.send(`${sent.length}`))
    // From here on the client hears nothing: not its acknowledgements, and not the broadcasts of its messages.
    device.link?.halfOpen('to_client')
    await clock.settle()
    losses++
    device.link?.cut()
    await clock.advance(30_000)
  }
  const places = await Promise.all(sent)
  assert.deepEqual(
    places.map(({ offset }) => offset),
    sent.map((_, index) => index + 1),
    'each message has the place in which it was sent',
  )
  assert.deepEqual(
    [...logged.values()].filter((times) => times !== 1),
    [],
    'a message stands twice in the log',
  )
  assert.equal(logged.size, sent.length)
  return losses
}
