import { memory } from '@roomful/server'
import { createTestServer, type TestClient, type TestServer } from '@roomful/server/testing'
import { describe, expect, it, onTestFinished, vi } from 'vitest'

const MEMBERS = 50
const unlimited = { accountPageBytesPerSecond: Infinity, accountPageBytesBurst: Infinity }
const join = { type: 'join', room_id: 'big', history: 1_000 }
const history = { type: 'history', room_id: 'big', limit: 20 }

/** A server with a room of some 17,000 bytes, and who will ask for them; `made` counts how often they become JSON. */
async function crowd() {
  const backplane = memory()
  const reads = vi.spyOn(backplane, 'read')
  const server = await createTestServer({ backplane, limits: unlimited })
  const writer = await server.connect({ token: 'writer' })
  await writer.join('big')
  for (let count = 0; count < 20; count++)
    writer.send({ type: 'chat_message', room_id: 'big', message: 'é'.repeat(400) })
  await server.clock.settle()
  const clients = await Promise.all(Array.from({ length: MEMBERS }, () => server.connect()))
  const makes = vi.spyOn(Buffer, 'from')
  onTestFinished(() => makes.mockRestore())
  const made = () => makes.mock.calls.filter(([text]) => String(text).length > 5_000).length
  reads.mockClear()
  makes.mockClear()
  return { server, writer, clients, reads, made }
}

async function ask(server: TestServer, clients: readonly TestClient[], message: { type: string }) {
  for (const client of clients) client.send(message)
  await server.clock.settle()
}

const last = (client: TestClient, type: string) =>
  client.frames.filter((frame) => frame.type === type).at(-1) as { messages: unknown[] } | undefined

describe('a page that many members ask for at the same time', () => {
  it('a page that many members ask for at the same time is read once and made once, for joins and for history', async () => {
    const { server, clients, reads, made } = await crowd()
    await ask(server, clients, join)
    expect([reads.mock.calls.length, made()]).toEqual([1, 1])
    for (const client of clients) expect(last(client, 'joined')?.messages).toHaveLength(20)
    await ask(server, clients, history)
    expect([reads.mock.calls.length, made()]).toEqual([2, 2])
    for (const client of clients) expect(last(client, 'history')?.messages).toHaveLength(20)
  })

  it('a page that many members ask for at the same time is another one after another message, for another range, and a while later', async () => {
    const { server, writer, clients, reads } = await crowd()
    const [ana, bob, cleo] = clients as [TestClient, TestClient, TestClient]
    await ask(server, [ana], join)
    await ask(server, [writer], { type: 'chat_message', message: 'new' } as { type: string })
    await ask(server, [bob], join)
    expect(last(bob, 'joined')?.messages.at(-1)).toMatchObject({ message: 'new' })
    await ask(server, [cleo], { ...join, history: 5 } as { type: string })
    expect(last(cleo, 'joined')?.messages).toHaveLength(5)
    expect(reads).toHaveBeenCalledTimes(3)
    await server.clock.advance(1_000)
    await ask(server, [ana], join)
    expect(reads).toHaveBeenCalledTimes(4)
  })

  it('[M11] a page that many members ask for at the same time is not one from before a message that its reader has an ack for', async () => {
    const store = memory()
    const held: (() => void)[] = []
    // As on Redis, an ack may overtake what the node hears of the message.
    const backplane: typeof store = new Proxy(store, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property, target)
        if (property !== 'subscribe') return typeof value === 'function' ? value.bind(target) : value
        return (...[stream, listener]: Parameters<typeof store.subscribe>) =>
          target.subscribe(stream, (event) => held.push(() => listener(event)))
      },
    })
    const server = await createTestServer({ backplane, limits: unlimited })
    const ana = await server.connect()
    await ana.join('big')
    await ask(server, [ana], history)
    expect(last(ana, 'history')?.messages).toEqual([])
    await ask(server, [ana], {
      type: 'chat_message',
      room_id: 'big',
      message: 'one',
      client_id: 'c',
    } as never)
    expect(last(ana, 'ack')).toBeDefined()
    await ask(server, [ana], history)
    expect(last(ana, 'history')?.messages).toHaveLength(1)
    for (const tell of held) tell()
  })

  it('a page that many members ask for at the same time is asked for again once it could not be read', async () => {
    const { server, clients, reads } = await crowd()
    const [ana, bob] = clients as [TestClient, TestClient]
    reads.mockRejectedValueOnce(new Error('away'))
    await ask(server, [ana], join)
    expect(last(ana, 'joined')).toBeUndefined()
    await ask(server, [bob], join)
    expect(last(bob, 'joined')?.messages).toHaveLength(20)
  })
})
