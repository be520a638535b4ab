import { createTestServer } from '@roomful/server/testing'
import { afterEach, expect, it, vi } from 'vitest'
import { Access } from '../../packages/server/src/engine/application/access.js'
import { Connection } from '../../packages/server/src/engine/connection/connection.js'
import { EndOfTurn } from '../../packages/server/src/engine/connection/end-of-turn.js'
import { Replies } from '../../packages/server/src/engine/connection/replies.js'
import { Audience } from '../../packages/server/src/engine/delivery/audience.js'
import { FanOut } from '../../packages/server/src/engine/delivery/fan-out.js'
import { ConnectionEvents } from '../../packages/server/src/engine/inbound/connection-events.js'
import { Dispatcher } from '../../packages/server/src/engine/inbound/dispatcher.js'
import { Inbound } from '../../packages/server/src/engine/inbound/inbound.js'
import { Chats } from '../../packages/server/src/engine/rooms/chat.js'
import { Memberships } from '../../packages/server/src/engine/rooms/memberships.js'
import { Publisher } from '../../packages/server/src/engine/rooms/publisher.js'
import { Rooms } from '../../packages/server/src/engine/rooms/rooms.js'
import { entered, watch } from './doors.js'

/** The doors between the parts of the engine. docs/architecture.md names the same ones. */
const DOORS = {
  ConnectionEvents: [ConnectionEvents, 'text'],
  Inbound: [Inbound, 'receive'],
  Dispatcher: [Dispatcher, 'dispatch'],
  Chats: [Chats, 'take'],
  Memberships: [Memberships, 'join'],
  Access: [Access, 'refusal', 'authorize'],
  Publisher: [Publisher, 'publishChat'],
  Rooms: [Rooms, 'acquire', 'release'],
  FanOut: [FanOut, 'deliver', 'attach'],
  Replies: [Replies, 'acknowledge', 'joined'],
  EndOfTurn: [EndOfTurn, 'run'],
  Audience: [Audience, 'flush'],
  Connection: [Connection, 'flush'],
} as const

afterEach(() => vi.restoreAllMocks())

async function room() {
  const server = await createTestServer()
  const [ana, bob] = [await server.connect(), await server.connect()]
  for (const client of [ana, bob]) {
    await client.join('lobby')
    await server.clock.advance(1_000)
  }
  return { server, ana, bob }
}

it('a chat message passes each door of the server once, in the order of docs/architecture.md', async () => {
  const { server, ana } = await room()
  const passed = watch(DOORS)
  ana.send({ type: 'chat_message', room_id: 'lobby', message: 'hi', client_id: 'c1' })
  await server.clock.settle()
  const toEachConnection = ['Connection.flush', 'Connection.flush']
  expect(passed).toEqual([
    'ConnectionEvents.text',
    'Inbound.receive',
    'Dispatcher.dispatch',
    'Chats.take',
    'Access.refusal',
    'Access.authorize',
    'Publisher.publishChat',
    'FanOut.deliver',
    'Replies.acknowledge',
    'EndOfTurn.run',
    'Audience.flush',
    ...toEachConnection,
  ])
})

it('a join passes each door of the server once, in the order of docs/architecture.md', async () => {
  const { server, ana } = await room()
  const passed = watch(DOORS)
  ana.send({ type: 'join', room_id: 'empty' })
  await server.clock.settle()
  const presenceAndUserJoined = ['FanOut.deliver', 'FanOut.deliver']
  expect(passed).toEqual([
    'ConnectionEvents.text',
    'Inbound.receive',
    'Dispatcher.dispatch',
    'Memberships.join',
    'Access.authorize',
    'Rooms.acquire',
    ...presenceAndUserJoined,
    'FanOut.attach',
    'Replies.joined',
    'Rooms.release',
    'EndOfTurn.run',
    'Connection.flush',
  ])
})

it('one chat message enters few files and functions of the server', async () => {
  const { server, ana } = await room()
  const send = async (client_id: string) => {
    ana.send({ type: 'chat_message', room_id: 'lobby', message: 'hi', client_id })
    await server.clock.settle()
  }
  await send('c1')
  const { files, functions } = await entered('packages/server/src/', () => send('c2'))
  console.log(`A chat message enters ${files} files and ${functions} functions of the server`)
  expect(functions).toBeGreaterThan(30)
  expect(files).toBeLessThanOrEqual(41)
  // Three of them only if ids collide in a table of the log, whose hashes differ in each process.
  expect(functions).toBeLessThanOrEqual(189)
})
