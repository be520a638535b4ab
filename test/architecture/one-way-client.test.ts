import { createClient } from '@roomful/client'
import { createTestServer, Device } from '@roomful/server/testing'
import { afterEach, expect, it, vi } from 'vitest'
import { ConnectionDriver } from '../../packages/client/src/connection/connection-driver.js'
import { RateLimiter } from '../../packages/client/src/connection/rate-limiter.js'
import { Outbox } from '../../packages/client/src/outbox/outbox.js'
import { OutboxDriver } from '../../packages/client/src/outbox/outbox-driver.js'
import { MessageRouter } from '../../packages/client/src/room/message-router.js'
import { RoomCore } from '../../packages/client/src/room/room.js'
import { RoomTimeline } from '../../packages/client/src/room/room-timeline.js'
import { entered, watch } from './doors.js'

/** The doors between the parts of the client. docs/architecture.md names the same ones. */
const DOORS = {
  RoomCore: [RoomCore, 'send', 'entry', 'received'],
  OutboxDriver: [OutboxDriver, 'submit', 'next', 'send', 'acked', 'echoed'],
  Outbox: [Outbox, 'add', 'next', 'transmitted', 'accepted'],
  RoomTimeline: [RoomTimeline, 'queued', 'settled', 'received'],
  RateLimiter: [RateLimiter, 'pump'],
  ConnectionDriver: [ConnectionDriver, 'encode', 'transmit'],
  MessageRouter: [MessageRouter, 'received'],
} as const

afterEach(() => vi.restoreAllMocks())

async function room() {
  const { network, clock } = await createTestServer()
  const client = createClient({ url: 'ws://test', session: 'memory' }, new Device(network).runtime)
  const lobby = client.room('lobby')
  const joined = lobby.join()
  await clock.advance(1_000)
  await joined
  return { clock, lobby }
}

it('a message that the application sends passes each door of the client once, in the order of docs/architecture.md', async () => {
  const { clock, lobby } = await room()
  const passed = watch(DOORS)
  const sent = lobby.send('hi')
  const looksForMore = ['OutboxDriver.next', 'Outbox.next']
  expect(passed.splice(0)).toEqual([
    'RoomCore.send',
    'OutboxDriver.submit',
    'Outbox.add',
    'RoomTimeline.queued',
    'RateLimiter.pump',
    'OutboxDriver.next',
    'Outbox.next',
    'ConnectionDriver.encode',
    'OutboxDriver.send',
    'Outbox.transmitted',
    'ConnectionDriver.transmit',
    ...looksForMore,
  ])
  await clock.settle()
  await sent
  const ack = [
    'MessageRouter.received',
    'OutboxDriver.acked',
    'Outbox.accepted',
    'RoomTimeline.settled',
    'RateLimiter.pump',
    ...looksForMore,
  ]
  const ownBroadcast = [
    'MessageRouter.received',
    'RoomCore.entry',
    'RoomTimeline.received',
    'OutboxDriver.echoed',
  ]
  expect(passed).toEqual([...ack, ...ownBroadcast])
})

it('a message that the application sends becomes JSON once', async () => {
  const { clock, lobby } = await room()
  const stringify = vi.spyOn(JSON, 'stringify')
  const sent = lobby.send('a text that is nowhere else')
  const made = stringify.mock.results.filter(({ value }) => String(value).includes('nowhere else'))
  expect(made).toHaveLength(1)
  await clock.settle()
  await sent
})

it('a message that the application sends enters few files and functions of the client', async () => {
  const { clock, lobby } = await room()
  const send = async () => {
    const sent = lobby.send('hi')
    await clock.settle()
    await sent
  }
  await send()
  const { files, functions } = await entered('packages/client/src/', send)
  console.log(
    `A message that the application sends enters ${files} files and ${functions} functions of the client`,
  )
  expect(functions).toBeGreaterThan(30)
  expect(files).toBeLessThanOrEqual(24)
  expect(functions).toBeLessThanOrEqual(140)
})
