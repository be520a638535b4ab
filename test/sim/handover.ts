import assert from 'node:assert/strict'
import { type Client, createClient, type Room, type Snapshot } from '@roomful/client'
import { memory } from '@roomful/server'
import { createTestServer, Device, newNetwork, type TestServer } from '@roomful/server/testing'
import { renderedRoom } from '../../packages/client/src/react/rendered-room.js'
import { distant } from './distant.js'
import { Random } from './random.js'

/** Where a message was published: while a server reads the room, on the way to the page, while it joins, and after. */
export type Phase = 'reading' | 'under way' | 'joining' | 'live'

const unlimited = Number.POSITIVE_INFINITY

/**
 * A server renders a room, and a page continues it, while messages are published at any moment, over a store that takes
 * its time and a connection that may break. Throws unless the page shows each message once, in order, at every moment.
 * Returns how many messages were published in each phase.
 */
export async function handOver(seed: number): Promise<Record<Phase, number>> {
  const random = new Random(seed)
  const network = newNetwork()
  const { clock } = network
  const limits = { messagesPerSecond: unlimited, joinsPerSecond: unlimited, pendingPerAddress: unlimited }
  const backplane = distant(memory(), clock, random.fork())
  const server = await createTestServer({ backplane, limits }, { network })
  const published: Record<Phase, number> = { reading: 0, 'under way': 0, joining: 0, live: 0 }
  let phase: Phase = 'reading'
  const publish = async () => {
    published[phase]++
    await server.server.room('r').chat.send(phase)
  }
  const keepOn = () => {
    void publish()
    if (published.live < 5) clock.after(random.between(1, 40), keepOn)
  }

  for (let before = random.between(0, 60); before > 0; before--) void publish()
  await clock.advance(1_000)
  keepOn()
  const initial = await read(server, random.between(1, 60))
  phase = 'under way'
  let made = 0
  const device = new Device(network, { random: () => random.next(), newId: () => `id-${++made}` })
  const client = createClient({ url: 'ws://test', session: 'memory', logger: silent }, device.runtime)
  if (random.next() < 0.5) client.connect()
  await clock.advance(random.between(0, 300))

  phase = 'joining'
  const room = renderedRoom(client.room('r'), initial)
  const seen = watch(room)
  const joins = join(client, room, random)
  // Few enough that the log still holds everything when the page comes back.
  let cuts = random.between(0, 3)
  while (phase === 'joining') {
    if (cuts > 0 && random.next() < 0.02) {
      cuts--
      device.link?.cut()
    }
    await clock.advance(5)
    if (room.status.get().state === 'live') phase = 'live'
  }
  while (published.live < 5) await clock.advance(50)
  await clock.advance(30_000)
  await Promise.all(joins)

  const { head } = await settled(server, server.server.room('r').info())
  check(seen, initial, head.offset)
  client.close()
  return published
}

const silent = { warn() {}, error() {} }

/** Waits, in virtual time, for what a server answers. */
async function settled<T>({ clock }: TestServer, answer: Promise<T>): Promise<T> {
  await clock.advance(1_000)
  return answer
}

/** What a server reads of the room, as it arrives at the page. */
async function read(server: TestServer, limit: number): Promise<Snapshot> {
  let snapshot: Snapshot | undefined
  void server.server
    .room('r')
    .snapshot({ as: 'reader', limit })
    .then((read) => {
      snapshot = JSON.parse(JSON.stringify(read))
    })
  while (!snapshot) await server.clock.advance(1)
  return snapshot
}

/** The same room may be joined by components that do not know what was rendered, before and after. */
function join(client: Client, room: Room, random: Random): Promise<unknown>[] {
  const plain = () => (random.next() < 0.3 ? [client.room('r').join()] : [])
  return [...plain(), room.join({ history: random.between(0, 10) }), ...plain()]
}

/** Looks at what is shown now and after each change. */
function watch({ timeline }: Room): readonly (readonly number[])[] {
  const look = () =>
    timeline.get().map((entry) => (entry.kind === 'message' ? (entry.message.offset ?? -1) : -1))
  const seen = [look()]
  timeline.subscribe(() => seen.push(look()))
  return seen
}

/** Whatever was shown began with what was rendered, and went on without a gap, a break or a repetition. */
function check(seen: readonly (readonly number[])[], { messages }: Snapshot, last: number): void {
  const first = messages[0]?.offset ?? 1
  const complete = Array.from({ length: last - first + 1 }, (_, index) => first + index)
  for (const offsets of seen)
    assert.deepEqual(offsets, complete.slice(0, Math.max(messages.length, offsets.length)))
  assert.deepEqual(seen.at(-1), complete)
}
