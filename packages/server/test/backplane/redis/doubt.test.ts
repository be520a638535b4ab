import { defineProtocol } from '@roomful/protocol'
import { redis } from '@roomful/server/redis'
import { afterEach, describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { connectExtended } from '../../../../../test/support/connect.js'
import { type RedisOptions, RedisServer } from '../../../../../test/support/redis.js'
import { TcpProxy } from '../../../../../test/support/tcp-proxy.js'
import { serve } from '../../../../../test/support/wire-server.js'
import { keyed, newestIn, TestNode, told, until } from './nodes.js'

const newest = { before: undefined, limit: 1_000, maxBytes: 1_000_000 }
const toEnd: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of toEnd.splice(0).reverse()) await end()
})

async function start(options: RedisOptions = {}): Promise<RedisServer> {
  const store = await RedisServer.start(options)
  toEnd.push(() => store.remove())
  return store
}

async function addressOf(store: RedisServer): Promise<TcpProxy> {
  const address = await TcpProxy.to(store.port)
  toEnd.push(async () => address.close())
  return address
}

async function join(...[options]: Parameters<typeof TestNode.start>): Promise<TestNode> {
  const node = await TestNode.start(options)
  toEnd.push(() => node.backplane.close())
  return node
}

const isReady = (node: TestNode) =>
  until(
    () => node.backplane.ready,
    () => node.logged,
  )

async function textsIn(node: TestNode): Promise<string[]> {
  const { entries, epoch } = await node.backplane.read('r', newest)
  return told(entries.map((entry) => ({ kind: 'entry', entry, epoch })))
}

const inDoubt = { code: 'outcome_unknown', temporary: false }
const refused = { code: 'unavailable', temporary: true }

describe('what Redis was asked to log and did not say whether it has', () => {
  it('what Redis was asked to log and did not say whether it has is in doubt if the answer does not come in time, and is refused for now while none comes', async () => {
    const store = await start()
    const node = await join({ url: store.url, commandTimeoutMs: 200, leaseRenewMs: 5_000, leaseMs: 15_000 })
    await node.publish('r', 'before')
    store.pause()
    const both = await Promise.allSettled([
      node.publish('r', 'of the server'),
      node.publish('r', 'of Ada', 'c1'),
    ])
    expect(both).toMatchObject([{ reason: inDoubt }, { reason: refused }])
    await expect(node.publish('r', 'not sent')).rejects.toMatchObject(refused)
    store.resume()
    await isReady(node)
    expect((await node.publish('r', 'of Ada', 'c1')).duplicate).toBe(true)
    expect(await textsIn(node)).toEqual(['before', 'of the server', 'of Ada'])
  })

  it('what Redis was asked to log and did not say whether it has is in doubt if the connection breaks before the answer', async () => {
    const store = await start()
    const address = await addressOf(store)
    const node = await join({ url: address.redisUrl, commandTimeoutMs: 30_000 })
    await node.publish('r', 'before')
    store.pause()
    const both = Promise.allSettled([node.publish('r', 'of the server'), node.publish('r', 'of Ada', 'c1')])
    address.cut()
    expect(await both).toMatchObject([{ reason: inDoubt }, { reason: refused }])
    store.resume()
    await isReady(node)
  })

  it('what Redis was asked to log and did not say whether it has is in doubt if the script failed on its way', async () => {
    const store = await start()
    const node = await join({ url: store.url })
    await store.command('ACL', 'SETUSER', 'default', '-spublish')
    await expect(node.publish('r', 'of the server')).rejects.toMatchObject(inDoubt)
    expect(await textsIn(node)).toEqual(['of the server'])
  })

  it('what Redis was asked to log and did not say whether it has is in doubt if Redis has it, and too few replicas confirm', async () => {
    const store = await start()
    const node = await join({ url: store.url, durability: 'replicated', replicationTimeoutMs: 100 })
    const both = await Promise.allSettled([
      node.publish('r', 'of the server'),
      node.publish('r', 'of Ada', 'c1'),
    ])
    expect(both).toMatchObject([{ reason: inDoubt }, { reason: refused }])
    expect(await textsIn(node)).toEqual(['of the server', 'of Ada'])
  })

  it('what Redis was asked to log and did not say whether it has is in doubt if Redis has it, and the connection breaks before the replicas confirm', async () => {
    const store = await start()
    const address = await addressOf(store)
    const node = await join({ url: address.redisUrl, durability: 'replicated', replicationTimeoutMs: 30_000 })
    const publishing = node.publish('r', 'of the server')
    publishing.catch(() => undefined)
    await until(
      async () => (await newestIn(store, 'r')) === 1,
      () => 'not appended',
    )
    address.cut()
    await expect(publishing).rejects.toMatchObject(inDoubt)
  })

  it('what Redis was asked to log and did not say whether it has is refused for now if Redis said that it did nothing', async () => {
    const store = await start()
    const node = await join({ url: store.url })
    await store.command('CONFIG', 'SET', 'min-replicas-to-write', '1')
    await expect(node.publish('r', 'of the server')).rejects.toMatchObject(refused)
    await store.command('CONFIG', 'SET', 'min-replicas-to-write', '0')
    await node.publish('r', 'again')
    expect(await textsIn(node)).toEqual(['again'])
  })
})

describe('a message with a key in Redis', () => {
  it('a message with a key that Redis did not answer for is refused for now, and its repeat stands in the log once', async () => {
    const store = await start()
    const node = await join({ url: store.url, commandTimeoutMs: 200, leaseRenewMs: 5_000, leaseMs: 15_000 })
    await node.publish('r', 'before')
    store.pause()
    await expect(node.backplane.publish('r', keyed('paid', 'order 7'))).rejects.toMatchObject(refused)
    store.resume()
    await isReady(node)
    expect(await node.backplane.publish('r', keyed('paid', 'order 7'))).toMatchObject({
      status: 'accepted',
      duplicate: true,
      position: { offset: 2 },
    })
    expect(await textsIn(node)).toEqual(['before', 'paid'])
  })

  it('a message with a key that too few replicas confirmed is refused for now, and its repeat waits for them again', async () => {
    const store = await start()
    const node = await join({ url: store.url, durability: 'replicated', replicationTimeoutMs: 100 })
    for (let n = 0; n < 2; n++)
      await expect(node.backplane.publish('r', keyed('paid', 'order 7'))).rejects.toMatchObject(refused)
    expect(await textsIn(node)).toEqual(['paid'])
  })

  it('a message with a key is known for as long as its entry is kept, and no longer', async () => {
    const store = await start()
    const node = await join({ url: store.url, historyCount: 2, dedupeMs: 1 })
    const publish = async (text: string) => {
      const result = await node.backplane.publish('r', keyed(text, text))
      return result.status === 'accepted' && [result.position.offset, result.duplicate]
    }
    for (const text of ['one', 'two']) await publish(text)
    expect(await publish('one')).toEqual([1, true])
    expect(await publish('three')).toEqual([3, false])
    expect(await publish('one')).toEqual([4, false])
    expect(await publish('three')).toEqual([3, true])
  })
})

it('[M14] a chat message in doubt is refused for now if its repeat is known, else its outcome is unknown', async () => {
  const store = await start()
  const protocol = defineProtocol({ server: { letter: z.object({ text: z.string() }) } })
  const { url, server } = await serve({
    protocol,
    backplane: redis({ url: store.url, commandTimeoutMs: 300 }),
  })
  const [ana, bob] = await Promise.all([1, 2].map(() => connectExtended(url)))
  for (const client of [ana, bob]) await client?.join('r')
  await ana?.chat('r', 'before')
  const known = { type: 'chat_message', room_id: 'r', message: 'known', client_id: 'c1' }
  store.pause()
  const answers = Promise.all([
    ana?.ask(known, 'error'),
    bob?.ask({ type: 'chat_message', room_id: 'r', message: 'unknown', ref: 'x' }, 'error'),
    server
      .room('r')
      .publish({ type: 'letter', text: 'of the server' })
      .catch((error: unknown) => error),
  ])
  expect(await answers).toMatchObject([
    { code: 'unavailable', client_id: 'c1', retry_after_ms: 1_000 },
    { code: 'outcome_unknown', ref: 'x' },
    { code: 'outcome_unknown' },
  ])
  store.resume()
  await until(
    () => server.ready,
    () => 'not ready',
  )
  expect(await ana?.ask(known, 'ack')).toMatchObject({ duplicate: true })
  const { messages } = await server.room('r').history()
  expect(
    messages
      .map((entry) => (entry.type === 'letter' ? entry.text : entry.type === 'chat_message' && entry.message))
      .sort(),
  ).toEqual(['before', 'known', 'of the server', 'unknown'])
})
