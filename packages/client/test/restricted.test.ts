import { memory } from '@roomful/server'
import { createTestServer, Device } from '@roomful/server/testing'
import { describe, expect, it } from 'vitest'
import { chat } from '../src/chat.js'
import { createClient, type RoomfulError, type Sent } from '../src/index.js'

const MINUTE_MS = 60_000

/** A server where a token is the user's id, and Ada's client in two rooms. */
async function stage() {
  const test = await createTestServer({
    backplane: memory(),
    authenticate: ({ token = '' }) => ({ userId: token }),
    authorize: () => true,
  })
  let sentFrames = 0
  const device = new Device(test.network, {
    observe: (direction) => {
      if (direction === 'sent') sentFrames++
    },
  })
  const client = createClient({ url: 'ws://test', token: 'ada', session: 'memory' }, device.runtime)
  const [room, other] = [client.room('r'), client.room('other')]
  void room.join()
  void other.join()
  await test.clock.advance(2_000)
  const frames = () => sentFrames
  return { ...test, device, client, room, other, frames }
}

const outcomeOf = (sent: Sent) =>
  sent.then(
    () => 'sent',
    ({ code }: RoomfulError) => code,
  )
const outcomesOf = (sent: readonly Sent[]) => Promise.all(sent.map(outcomeOf))
const many = (count: number) => Array.from({ length: count }, (_, index) => `${index}`)

describe('a user who is muted', () => {
  it('[S1] [S4] what waited offline is refused at once, says until when, and holds up no other room', async () => {
    const { server, clock, device, room, other, frames } = await stage()
    const edited = await Promise.all([room.send('to be edited'), clock.advance(2_000)])
    device.goOffline()
    await clock.advance(100)
    const waiting = many(200).map((text) => room.send(text))
    const edit = chat(room).edit({ ...edited[0], client_id: undefined }, 'edited')
    const elsewhere = many(10).map((text) => other.send(text))
    await server.room('r').mute('ada', { forMs: MINUTE_MS })
    const before = frames()
    device.goOnline()
    await clock.advance(5_000)
    expect(await outcomesOf(waiting)).toEqual(waiting.map(() => 'muted'))
    expect(await outcomesOf(elsewhere)).toEqual(elsewhere.map(() => 'sent'))
    expect(await outcomeOf(edit)).toBe('muted')
    const error = await (waiting[0] as Sent).catch((refusal: RoomfulError) => refusal)
    expect(error).toMatchObject({ code: 'muted', temporary: false, roomId: 'r' })
    expect((error as RoomfulError).retryAfterMs).toBeLessThanOrEqual(MINUTE_MS)
    // Those in flight, and not each of the others.
    expect(frames() - before).toBeLessThan(70)
    const shown = room.timeline.get().filter((entry) => entry.kind === 'message' && entry.state === 'failed')
    expect(shown).toHaveLength(200)
    await clock.advance(2 * MINUTE_MS)
    expect((await server.room('r').history()).messages.map(({ message }) => message)).toEqual([
      'to be edited',
    ])
    const again = (waiting[0] as Sent).retry()
    await clock.advance(2_000)
    expect(await outcomeOf(again)).toBe('sent')
  })

  it('[S3] [S4] what was transmitted before the mute, and has lost its answer, is asked for: it may be in the log', async () => {
    const { server, clock, device, room } = await stage()
    device.link?.delay(50)
    const sent = many(3).map((text) => room.send(text))
    await clock.advance(60)
    device.link?.cut()
    expect((await server.room('r').history()).messages).toHaveLength(3)
    await server.room('r').mute('ada', { forMs: MINUTE_MS })
    const later = many(3).map((text) => room.send(`later ${text}`))
    await clock.advance(10_000)
    expect(await outcomesOf(sent)).toEqual(['sent', 'sent', 'sent'])
    expect(await outcomesOf(later)).toEqual(['muted', 'muted', 'muted'])
  })
})

describe('a user who is banned', () => {
  it('[S2] learns from the status of the room why and for how long, and may join again afterwards', async () => {
    const { server, clock, room } = await stage()
    await server.room('r').ban('ada', { forMs: MINUTE_MS })
    await clock.advance(2_000)
    const status = room.status.get()
    expect(status).toMatchObject({ state: 'denied', reason: 'Banned from the room' })
    const { error } = status as { error: RoomfulError }
    expect(error).toMatchObject({ code: 'banned', temporary: false, roomId: 'r' })
    expect(error.retryAfterMs).toBeLessThanOrEqual(MINUTE_MS)
    const refused = room.join().catch((refusal: RoomfulError) => refusal)
    await clock.advance(2_000)
    expect(await refused).toMatchObject({ code: 'banned', retryAfterMs: expect.any(Number) })
    await clock.advance(MINUTE_MS)
    const joined = room.join()
    await clock.advance(2_000)
    await joined
    expect(room.status.get().state).toBe('live')
  })

  it('[S5] who is banned from the server learns from the status why and for how long, and connects again only if asked', async () => {
    const { server, clock, client } = await stage()
    await server.ban('ada', { forMs: MINUTE_MS })
    await clock.advance(1_000)
    const isBanned = () => {
      const status = client.status.get()
      expect(status).toMatchObject({
        state: 'failed',
        code: 4504,
        error: { code: 'banned', temporary: false },
      })
      return (status as { error: RoomfulError }).error.retryAfterMs ?? 0
    }
    expect(isBanned()).toBeGreaterThan(MINUTE_MS - 2_000)
    await clock.advance(MINUTE_MS / 2)
    client.connect()
    await clock.advance(1_000)
    expect(isBanned()).toBeLessThanOrEqual(MINUTE_MS / 2)
    await clock.advance(MINUTE_MS)
    expect(client.status.get().state).toBe('failed')
    client.connect()
    await clock.advance(1_000)
    expect(client.status.get().state).toBe('online')
  })

  it('[S2] a client that was away during the ban is refused when it comes back', async () => {
    const { server, clock, device, room, other } = await stage()
    device.goOffline()
    await clock.advance(100)
    const sent = room.send('from far away')
    await server.room('r').ban('ada')
    device.goOnline()
    await clock.advance(5_000)
    expect(room.status.get()).toMatchObject({ state: 'denied', error: { code: 'banned' } })
    expect((room.status.get() as { error: RoomfulError }).error.retryAfterMs).toBeUndefined()
    expect(await outcomeOf(sent)).toBe('banned')
    expect(other.status.get().state).toBe('live')
  })
})
