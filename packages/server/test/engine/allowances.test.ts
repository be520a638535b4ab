import { createTestServer, type TestClient, type TestServer } from '@roomful/server/testing'
import { describe, expect, it } from 'vitest'

const fast = { messagesPerSecond: 1_000, messagesBurst: 1_000, bytesPerSecond: Infinity }
const joinedOf = (client: TestClient) => client.frames.filter(({ type }) => type === 'joined')
const bytesOf = (frames: readonly object[]) =>
  frames.reduce((sum, frame) => sum + Buffer.byteLength(JSON.stringify(frame)), 0)

/** Fills a room with some 9,000 bytes. */
async function fill(server: TestServer) {
  const writer = await server.connect({ token: 'writer' })
  await writer.join('big')
  for (let count = 0; count < 10; count++)
    writer.send({ type: 'chat_message', room_id: 'big', message: 'é'.repeat(400) })
  await server.clock.settle()
}

function joinOften(client: TestClient, times: number) {
  for (let count = 0; count < times; count++)
    client.send({ type: 'join', room_id: 'big', history: 1_000, ref: `${count}` })
}

describe('pages', () => {
  it('[E17] pages of one connection wait when they are too many bytes, and come in order, none refused', async () => {
    const limits = { ...fast, pageBytesPerSecond: 10_000, pageBytesBurst: 30_000 }
    const server = await createTestServer({ limits })
    await fill(server)
    const eve = await server.connect()
    joinOften(eve, 20)
    eve.send({ type: 'history', room_id: 'big', limit: 1_000 })
    await server.clock.settle()
    expect(bytesOf(joinedOf(eve))).toBeGreaterThan(20_000)
    expect(bytesOf(joinedOf(eve))).toBeLessThan(45_000)
    await server.clock.advance(5_000)
    expect(bytesOf(joinedOf(eve))).toBeLessThan(95_000)
    await server.clock.advance(20_000)
    expect(joinedOf(eve).map(({ ref }) => ref)).toEqual(Array.from({ length: 20 }, (_, index) => `${index}`))
    expect(eve.frames.at(-1)?.type).toBe('history')
    expect(eve.frames.some(({ type }) => type === 'error')).toBe(false)
  })

  it('pages of one address wait together while users are anonymous, whichever connections ask for them', async () => {
    const limits = { ...fast, accountPageBytesPerSecond: 10_000, accountPageBytesBurst: 30_000 }
    const server = await createTestServer({ limits })
    await fill(server)
    const clients = await Promise.all(Array.from({ length: 10 }, () => server.connect()))
    for (const client of clients) joinOften(client, 2)
    await server.clock.settle()
    expect(bytesOf(clients.flatMap(joinedOf))).toBeLessThan(45_000)
    await server.clock.advance(30_000)
    expect(clients.flatMap(joinedOf)).toHaveLength(20)
  })

  it('pages of one user wait for no other user', async () => {
    const server = await createTestServer({
      limits: { ...fast, accountPageBytesPerSecond: 1, accountPageBytesBurst: 15_000 },
      authenticate: ({ token }) => ({ userId: String(token) }),
      authorize: () => true,
    })
    await fill(server)
    const [eve, eveAgain, bob] = await Promise.all(
      ['eve', 'eve', 'bob'].map((token) => server.connect({ token })),
    )
    for (const client of [eve, eveAgain, bob]) if (client) joinOften(client, 2)
    await server.clock.advance(1_000)
    expect([eve, eveAgain].flatMap((client) => (client ? joinedOf(client) : []))).toHaveLength(2)
    expect(bob && joinedOf(bob)).toHaveLength(2)
  })

  it('pages leave the event loop to others in between', async () => {
    const limits = { ...fast, pageBytesBurst: Infinity, pageBytesPerSecond: Infinity }
    const server = await createTestServer({ limits: { ...limits, accountPageBytesPerSecond: Infinity } })
    for (let count = 0; count < 10; count++) await fill(server)
    const eve = await server.connect()
    joinOften(eve, 30)
    const perTurn: number[] = []
    let seen = 0
    const count = () => {
      const { length } = joinedOf(eve)
      perTurn.push(length - seen)
      seen = length
      if (seen < 30) server.clock.soon(count)
    }
    count()
    await server.clock.settle()
    expect(seen).toBe(30)
    expect(Math.max(...perTurn)).toBeLessThan(6)
  })
})

describe('joins', () => {
  it('[E12] joins of one address wait a little when they are too many, then are told when to come back, without a strike', async () => {
    const limits = {
      accountJoinsPerSecond: 2,
      accountJoinsBurst: 5,
      joinsPerSecond: 1_000,
      joinsBurst: 1_000,
    }
    const server = await createTestServer({ limits })
    const clients = await Promise.all(Array.from({ length: 30 }, () => server.connect()))
    for (const [index, client] of clients.entries()) client.send({ type: 'join', room_id: `r${index}` })
    await server.clock.settle()
    expect(clients.flatMap(joinedOf)).toHaveLength(5)
    await server.clock.advance(5_000)
    expect(clients.flatMap(joinedOf)).toHaveLength(15)
    const refusals = clients.flatMap(({ frames }) => frames.filter(({ type }) => type === 'error'))
    expect(refusals).toHaveLength(15)
    expect(refusals[0]).toMatchObject({ code: 'rate_limited', retry_after_ms: expect.any(Number) })
    for (let minute = 0; minute < 5; minute++) {
      for (let count = 0; count < 30; count++) clients[0]?.send({ type: 'join', room_id: 'again' })
      await server.clock.advance(6_000)
    }
    expect(clients[0]?.closed).toBeUndefined()
  })
})
