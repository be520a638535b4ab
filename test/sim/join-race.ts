import assert from 'node:assert/strict'
import { memory } from '@roomful/server'
import { createTestServer, newNetwork, type TestClient } from '@roomful/server/testing'
import { distant } from './distant.js'
import { Random } from './random.js'

const JOINERS = 20
const LIVE_FRAMES = 3
const unlimited = Number.POSITIVE_INFINITY

/**
 * Joins a room again and again while messages are published into it, over a store that takes its time, and checks that
 * history and live meet without a gap or an overlap. Returns how many joins there were.
 */
export async function raceJoins(joins: number, seed: number): Promise<number> {
  const random = new Random(seed)
  const network = newNetwork()
  const { clock } = network
  const limits = {
    messagesPerSecond: unlimited,
    bytesPerSecond: unlimited,
    joinsPerSecond: unlimited,
    roomsPerConnection: unlimited,
    connectionsPerUser: unlimited,
    pendingPerAddress: unlimited,
    heartbeatMs: 2 ** 30,
  }
  const backplane = distant(memory({ historyCount: 50 }), clock, random.fork())
  const server = await createTestServer({ backplane, limits }, { network })
  const writer = await server.connect()
  writer.send({ type: 'join', room_id: 'r' })
  await clock.advance(1_000)
  let done = 0
  let published = 0
  const publish = () => {
    writer.send({ type: 'chat_message', room_id: 'r', message: `${published++}` })
    writer.frames.length = 0
    if (done < joins) clock.after(random.between(1, 15), publish)
  }
  const joinOnce = (client: TestClient) => {
    client.frames.length = 0
    client.send({ type: 'join', room_id: 'r', history: random.between(0, 10) })
    const look = () => {
      if (!isLive(client)) return void clock.after(10, look)
      checkSeam(client)
      client.send({ type: 'leave', room_id: 'r' })
      if (++done < joins) clock.after(random.between(0, 20), () => joinOnce(client))
    }
    clock.after(10, look)
  }
  publish()
  for (let i = 0; i < JOINERS; i++) joinOnce(await server.connect())
  while (done < joins) await clock.advance(1_000)
  const closed = server.server.close()
  await clock.advance(10_000)
  await closed
  return done
}

const liveOffsets = ({ frames }: TestClient) => {
  const start = frames.findIndex(({ type }) => type === 'joined')
  return frames.slice(start).flatMap(({ type, offset }) => (type === 'chat_message' ? [Number(offset)] : []))
}

function isLive(client: TestClient): boolean {
  return client.frames.some(({ type }) => type === 'joined') && liveOffsets(client).length >= LIVE_FRAMES
}

function checkSeam(client: TestClient): void {
  const joined = client.frames.find(({ type }) => type === 'joined')
  const history = joined?.messages as readonly { readonly offset: number }[]
  const cursor = Number(joined?.offset)
  const seen = [...history.map(({ offset }) => offset), ...liveOffsets(client)]
  const first = cursor - history.length + 1
  assert.deepEqual(
    seen,
    seen.map((_, index) => first + index),
    'history and live do not meet',
  )
}
