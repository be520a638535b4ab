import { createTestServer, type TestClient, type TestServer } from '@roomful/server/testing'
import { describe, expect, it } from 'vitest'

const KIB = 1_024

async function members(server: TestServer, count: number) {
  const clients: TestClient[] = []
  for (let index = 0; index < count; index++) {
    const client = await server.connect()
    await client.join('hall')
    clients.push(client)
  }
  return clients
}

const framesOf = (client: TestClient | undefined, type: string) =>
  (client?.frames ?? []).filter((frame) => frame.type === type)
const listsOf = (client: TestClient | undefined) =>
  framesOf(client, 'presence').filter(({ event }) => event === 'snapshot')
const bytesOf = (frame: object) => Buffer.byteLength(JSON.stringify(frame))

describe('a large room', () => {
  it('[J14] a large room that empties at once tells the true count last, whatever was put off before', async () => {
    const server = await createTestServer({ limits: { listedMembers: 2 } })
    const [stays, ...others] = await members(server, 4)
    await server.clock.advance(2_000)
    for (const other of others) other.close()
    await server.clock.advance(15_000)
    expect(framesOf(stays, 'user_left').at(-1)).toMatchObject({ count: 1 })
    expect(listsOf(stays).at(-1)?.members).toHaveLength(1)
  })

  it('[P6] a large room is not listed over and over when one user comes and goes at its bound', async () => {
    const server = await createTestServer({ limits: { listedMembers: 20, joinsPerSecond: 100 } })
    const [stays, ...others] = await members(server, 20)
    const toggles = await server.connect()
    for (let count = 0; count < 20; count++) {
      await toggles.join('hall')
      await server.clock.advance(500)
      toggles.send({ type: 'leave', room_id: 'hall' })
      await server.clock.advance(1_500)
    }
    expect(listsOf(stays)).toHaveLength(0)
    for (const other of others.slice(0, 2)) other.send({ type: 'leave', room_id: 'hall' })
    await server.clock.advance(1_000)
    expect(listsOf(stays)).toMatchObject([{ members: { length: 18 } }])
  })

  it('[P6] a large room has its list sent no more often than its length allows', async () => {
    const server = await createTestServer({ limits: { listedMembers: 4, listBytesPerSecond: 100 } })
    const [stays, ...others] = await members(server, 5)
    const last = others.at(-1) as TestClient
    for (let count = 0; count < 3; count++) {
      last.send({ type: 'leave', room_id: 'hall' })
      await server.clock.advance(1_000)
      await last.join('hall')
      await server.clock.advance(1_000)
    }
    expect(listsOf(stays)).toHaveLength(1)
    const [list] = listsOf(stays)
    last.send({ type: 'leave', room_id: 'hall' })
    await server.clock.advance((4 * bytesOf(list ?? {}) * 1_000) / 100 - 4_000)
    expect(listsOf(stays)).toHaveLength(2)
  })

  it('[H4] [P6] a large room is one whose list would take more than half a page, messages included', async () => {
    const pageBytes = 16 * KIB
    const server = await createTestServer({ limits: { pageBytes, messagesPerSecond: 1_000 } })
    const clients = await members(server, 6)
    for (const [index, client] of clients.entries()) {
      client.send({ type: 'presence', room_id: 'hall', state: { s: 'x'.repeat(2_000) } })
      for (let count = 0; count < 30; count++)
        client.send({ type: 'chat_message', room_id: 'hall', message: `${index}${'y'.repeat(900)}` })
      await server.clock.settle()
      const late = await server.connect()
      const joined = await late.join('hall', { history: 1_000 })
      expect(bytesOf(joined)).toBeLessThanOrEqual(pageBytes)
      expect('members' in joined).toBe(index < 3)
      expect(joined.count).toBe(7)
      late.send({ type: 'leave', room_id: 'hall' })
      await server.clock.settle()
    }
    for (const client of clients.slice(1)) client.send({ type: 'leave', room_id: 'hall' })
    await server.clock.advance(12_000)
    expect(listsOf(clients[0])).toMatchObject([{ members: { length: 1 } }])
  })

  it('[H4] [H6] a large room gives a member who resumes the messages first, and then the list', async () => {
    const pageBytes = 16 * KIB
    const server = await createTestServer({ limits: { pageBytes, messagesPerSecond: 1_000 } })
    const ana = await server.connect()
    const { epoch } = await ana.join('hall')
    for (let count = 0; count < 8; count++)
      ana.send({ type: 'chat_message', room_id: 'hall', message: 'y'.repeat(1_000) })
    ana.send({ type: 'presence', room_id: 'hall', state: { s: 'x'.repeat(2_000) } })
    await server.clock.settle()
    const bob = await server.connect()
    const first = await bob.join('hall', { since: { epoch, offset: 0, id: epoch } })
    expect(first).toMatchObject({ more: true, offset: 8 })
    expect(first).not.toHaveProperty('members')
    const second = await bob.join('hall', { since: { epoch, offset: 8, id: first.id } })
    expect(second).toMatchObject({ more: false, messages: [], members: { length: 2 } })
  })
})

it('[J15] [P5] a list is not sent again to a member who has it, and is once it has changed', async () => {
  const server = await createTestServer()
  const [ana, bob] = await members(server, 2)
  const first = await bob?.join('hall')
  expect(first).toMatchObject({ presence_version: 2, count: 2 })
  expect(first).not.toHaveProperty('members')
  ana?.send({ type: 'presence', room_id: 'hall', state: { mood: 'fine' } })
  await server.clock.settle()
  expect(await bob?.join('hall')).toMatchObject({ presence_version: 3, members: { length: 2 } })
  bob?.send({ type: 'leave', room_id: 'hall' })
  await bob?.next('left')
  expect(await bob?.join('hall')).toMatchObject({ presence_version: 5, members: { length: 2 } })
  expect(await bob?.join('hall')).not.toHaveProperty('members')
})
