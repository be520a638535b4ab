import { randomUUID } from 'node:crypto'
import type { StreamEvent } from '@roomful/server'
import { redis } from '@roomful/server/redis'
import { afterEach, describe, expect, it } from 'vitest'
import { connectExtended } from '../../../../../test/support/connect.js'
import { type RedisOptions, RedisServer } from '../../../../../test/support/redis.js'
import { TcpProxy } from '../../../../../test/support/tcp-proxy.js'
import { serve } from '../../../../../test/support/wire-server.js'
import { Keys } from '../../../src/backplane/redis/keys.js'
import { type Accepted, newestIn, TestNode, told, until } from './nodes.js'

const keys = new Keys('roomful', 0)
const newest = { before: undefined, limit: 1_000, maxBytes: 1_000_000 }
const toEnd: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of toEnd.splice(0).reverse()) await end()
})

async function start(options: RedisOptions = {}): Promise<RedisServer> {
  const server = await RedisServer.start(options)
  toEnd.push(() => server.remove())
  return server
}

async function addressOf(server: RedisServer): Promise<TcpProxy> {
  const address = await TcpProxy.to(server.port)
  toEnd.push(async () => address.close())
  return address
}

async function join(...[options]: Parameters<typeof TestNode.start>): Promise<TestNode> {
  const node = await TestNode.start(options)
  toEnd.push(() => node.backplane.close())
  return node
}

/** Waits for events before connections break, because those in flight would be lost with them. */
const heard = (events: readonly StreamEvent[], count: number) =>
  until(
    () => events.length === count,
    () => told(events),
  )

const isReady = (node: TestNode) =>
  until(
    () => node.backplane.ready,
    () => node.logged,
  )

describe('a Redis that goes away', () => {
  it('[E16] a Redis that goes away refuses at once while it is away, and goes on with the same log when it is back from its file', async () => {
    const server = await start({ durable: true })
    const node = await join({ url: server.url })
    const events = await node.listen('r')
    const { position } = await node.publish('r', 'one', 'c1')
    await server.kill()
    await until(
      () => !node.backplane.ready,
      () => 'ready',
    )
    const refusal = expect.objectContaining({ code: 'unavailable', retryAfterMs: 1_000 })
    const startedAt = performance.now()
    await expect(node.publish('r', 'two', 'c2')).rejects.toEqual(refusal)
    await expect(node.backplane.read('r', newest)).rejects.toEqual(refusal)
    await expect(node.backplane.subscribe('s', () => {})).rejects.toEqual(refusal)
    await expect(node.backplane.enter('r', { userId: 'ada' }, 'c')).rejects.toEqual(refusal)
    expect(performance.now() - startedAt).toBeLessThan(500)

    await server.start()
    await isReady(node)
    const again = await node.publish('r', 'one', 'c1')
    expect([again.duplicate, again.position]).toEqual([true, position])
    await node.publish('r', 'two', 'c2')
    await heard(events, 2)
    expect(told(events)).toEqual(['one', 'two'])
  })

  it('a Redis that goes away gives up on one that has stopped answering, and takes it again when it answers', async () => {
    const server = await start()
    const node = await join({ url: server.url, commandTimeoutMs: 200, leaseRenewMs: 5_000, leaseMs: 15_000 })
    server.pause()
    await expect(node.publish('r', 'one')).rejects.toMatchObject({ code: 'outcome_unknown' })
    expect(node.backplane.ready).toBe(false)
    const startedAt = performance.now()
    await expect(node.publish('r', 'two')).rejects.toMatchObject({ code: 'unavailable' })
    expect(performance.now() - startedAt).toBeLessThan(100)
    server.resume()
    await isReady(node)
    await node.publish('r', 'three')
  })

  it('a Redis that goes away finds what was published while only the subscriber was cut off', async () => {
    const server = await start()
    const node = await join({ url: server.url, headCheckMs: 60_000 })
    const events = await node.listen('r')
    await node.publish('r', 'one')
    await heard(events, 1)
    await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await node.publish('r', 'two')
    await heard(events, 2)
    expect(told(events)).toEqual(['one', 'two'])
  })

  it('a Redis that goes away tells of a log that is gone', async () => {
    const server = await start()
    const node = await join({ url: server.url })
    const events = await node.listen('r')
    const { position } = await node.publish('r', 'one')
    await heard(events, 1)
    await server.restart()
    await heard(events, 2)
    expect(told(events)).toEqual(['one', 'resync epoch_changed at 0'])
    expect((await node.backplane.read('r', { ...newest, after: 1 }, position)).fault).toBe('epoch_changed')
    await node.publish('r', 'two')
    await heard(events, 3)
  })
})

/** A primary with two messages that its replica has, and two that it has not: as a failover loses them. */
async function primaryWithLatecomers(node: TestNode, replica: RedisServer): Promise<void> {
  for (const text of ['one', 'two']) await node.publish('r', text)
  await until(
    async () => (await newestIn(replica, 'r')) === 2,
    () => 'not copied',
  )
  await replica.promote()
  for (const text of ['lost three', 'lost four']) await node.publish('r', text)
}

describe('a failover that loses the newest messages', () => {
  it('[H6] [H12] a failover that loses the newest messages is told to those who are live by the first message that takes an offset again', async () => {
    const primary = await start()
    const replica = await start({ replicaOf: primary })
    const address = await addressOf(primary)
    const node = await join({ url: address.redisUrl, headCheckMs: 60_000 })
    const events = await node.listen('r')
    await primaryWithLatecomers(node, replica)
    const other = await join({ url: replica.url })
    const { position: lost } = await node.publish('r', 'lost five')
    await heard(events, 5)
    for (const text of ['new three', 'new four', 'new five']) await other.publish('r', text)
    address.switchTo(replica.port)
    await heard(events, 9)
    expect(told(events).slice(5)).toEqual(['resync forked at 2', 'new three', 'new four', 'new five'])
    const { fault, head } = await node.backplane.read('r', { ...newest, after: lost.offset }, lost)
    expect([fault, head.epoch, head.offset]).toEqual(['forked', lost.epoch, lost.offset])
    await node.publish('r', 'six')
    await until(
      () => told(events).at(-1) === 'six',
      () => told(events),
    )
  })

  it('[H12] a failover that loses the newest messages is told by the head check, even if nobody writes', async () => {
    const primary = await start()
    const replica = await start({ replicaOf: primary })
    const address = await addressOf(primary)
    const node = await join({ url: address.redisUrl })
    const events = await node.listen('r')
    await primaryWithLatecomers(node, replica)
    await heard(events, 4)
    address.switchTo(replica.port)
    await heard(events, 5)
    expect(told(events)).toEqual(['one', 'two', 'lost three', 'lost four', 'resync forked at 2'])
  })

  it('[H12] [H6] a failover that loses the newest messages is told on the wire to members, also to one that resumes, and all go on in the new log', async () => {
    const primary = await start()
    const replica = await start({ replicaOf: primary })
    const address = await addressOf(primary)
    const { url } = await serve({ backplane: redis({ url: address.redisUrl }) })
    const [ana, bob] = [await connectExtended(url), await connectExtended(url)]
    for (const client of [ana, bob]) await client.join('r')
    const kept = await ana.chat('r', 'kept')
    await until(
      async () => (await newestIn(replica, 'r')) === 1,
      () => 'not copied',
    )
    await replica.promote()
    const lost = await ana.chat('r', 'lost')
    address.switchTo(replica.port)
    const resync = await bob.next('resync')
    expect(resync).toMatchObject({ reason: 'forked', epoch: kept.epoch, offset: kept.offset, id: kept.id })
    const again = await ana.chat('r', 'new')
    expect([again.offset, again.epoch]).toEqual([lost.offset, lost.epoch])
    await until(
      () => bob.frames.some(({ message }) => message === 'new'),
      () => bob.frames,
    )
    const texts = bob.frames.filter(({ type }) => type === 'chat_message').map(({ message }) => message)
    // The lost one was on its way when the connections broke; its sender has the acknowledgement in any case.
    expect(texts.filter((text) => text !== 'lost')).toEqual(['kept', 'new'])
    const late = await connectExtended(url)
    const { epoch, offset, id } = lost
    expect(await late.join('r', { since: { epoch, offset, id }, history: 10 })).toMatchObject({
      recovered: false,
      reason: 'forked',
      offset: again.offset,
      id: again.id,
      messages: [{ message: 'kept' }, { message: 'new' }],
    })
  })

  it('[P4] a failover that loses the newest messages lets versions of presence rise all the same, and has everybody back who is there', async () => {
    const primary = await start()
    const replica = await start({ replicaOf: primary })
    const address = await addressOf(primary)
    const node = await join({ url: address.redisUrl })
    await replica.promote()
    const events = await node.listen('r')
    const { version } = await node.backplane.enter('r', { userId: 'ada', profile: { name: 'Ada' } }, 'c')
    await node.backplane.update('r', 'ada', { mood: 'fine' })
    await heard(events, 2)
    address.switchTo(replica.port)
    await until(
      async () => (await node.backplane.present('r').catch(() => undefined))?.count === 1,
      () => node.logged,
    )
    const { users } = await node.backplane.present('r')
    expect(users).toEqual([{ userId: 'ada', profile: { name: 'Ada' }, state: { mood: 'fine' } }])
    const versions = () =>
      events.flatMap((event) => (event.kind === 'presence' ? [event.change.version] : []))
    await until(
      () => versions().length === 3,
      () => told(events),
    )
    expect(versions().slice(0, 2)).toEqual([version, version + 1])
    expect(versions()[2]).toBeGreaterThan(version + 1)
  })

  it('[P5] a failover that loses the newest messages tells that presence went back, and counts on from what was told before', async () => {
    const primary = await start()
    const replica = await start({ replicaOf: primary })
    const address = await addressOf(primary)
    const node = await join({ url: address.redisUrl })
    const events = await node.listen('r')
    await node.backplane.enter('r', { userId: 'ada' }, 'a')
    await until(
      async () => Number(await replica.command('EXISTS', keys.present('r'))) === 1,
      () => 'not copied',
    )
    await replica.promote()
    await node.backplane.enter('r', { userId: 'bob' }, 'b')
    await node.backplane.leave('r', 'bob', 'b', false)
    await heard(events, 3)
    address.switchTo(replica.port)
    await until(
      () => told(events).includes('presence missed'),
      () => told(events),
    )
    await node.backplane.enter('r', { userId: 'cleo' }, 'c')
    await until(
      () => told(events).includes('cleo enter'),
      () => told(events),
    )
    const versions = events.flatMap((event) => (event.kind === 'presence' ? [event.change.version] : []))
    expect(versions).toEqual(versions.map((_, index) => (versions[0] ?? 0) + index))
    expect((await node.backplane.present('r')).count).toBe(2)
  })

  it('a failover that loses the newest messages moves to the new primary when the old one has become its replica', async () => {
    const primary = await start()
    const replica = await start({ replicaOf: primary })
    const address = await addressOf(primary)
    const node = await join({ url: address.redisUrl, headCheckMs: 60_000 })
    await replica.promote()
    await primary.command('REPLICAOF', '127.0.0.1', `${replica.port}`)
    await expect(node.publish('r', 'one')).rejects.toMatchObject({ code: 'unavailable' })
    address.switchTo(replica.port)
    await isReady(node)
    await node.publish('r', 'two')
  })
})

describe('an acknowledgement by replicas', () => {
  it('an acknowledgement by replicas is not given without them, and given for the repeat when they are there', async () => {
    const primary = await start()
    const options = { url: primary.url, durability: 'replicated', replicationTimeoutMs: 200 } as const
    const node = await join(options)
    await expect(node.publish('r', 'one', 'c1')).rejects.toMatchObject({ code: 'unavailable' })
    await expect(node.publish('r', 'one', 'c1')).rejects.toMatchObject({ code: 'unavailable' })
    const replica = await start({ replicaOf: primary })
    const again: Accepted[] = []
    await until(
      () =>
        node.publish('r', 'one', 'c1').then(
          (repeat) => again.push(repeat) > 0,
          () => false,
        ),
      () => node.logged,
    )
    expect(again).toMatchObject([{ duplicate: true, durability: 'replicated', position: { offset: 1 } }])
    expect(await newestIn(replica, 'r')).toBe(1)
  })

  it('an acknowledgement by replicas is not given by a connection that replaced the one on which the message was written', async () => {
    const primary = await start()
    const replica = await start({ replicaOf: primary })
    const address = await addressOf(primary)
    const options = { durability: 'replicated', replicationTimeoutMs: 30_000 } as const
    const node = await join({ url: address.redisUrl, ...options })
    await node.publish('r', 'one')
    replica.pause()
    const publishing = node.publish('r', 'two', 'c2')
    await until(
      async () => (await newestIn(primary, 'r')) === 2,
      () => 'not appended',
    )
    address.cut()
    await expect(publishing).rejects.toMatchObject({ code: 'unavailable' })
    replica.resume()
    await isReady(node)
    expect((await node.publish('r', 'two', 'c2')).duplicate).toBe(true)
  })

  it('an acknowledgement by replicas shares one pipeline among those that come at once, and learns the script where it is new', async () => {
    const primary = await start()
    await start({ replicaOf: primary })
    const node = await join({ url: primary.url, durability: 'replicated', replicationTimeoutMs: 10_000 })
    await primary.command('SCRIPT', 'FLUSH')
    const results = await Promise.all(
      Array.from({ length: 1_200 }, (_, n) => node.publish(`r${n % 3}`, `${n}`)),
    )
    expect(new Set(results.map(({ position }) => position.offset)).size).toBe(400)
  })
})

it('the Redis backplane warns of a Redis that throws keys away when its memory is full', async () => {
  const server = await start({ args: ['--maxmemory', '64mb', '--maxmemory-policy', 'allkeys-lru'] })
  const { logged } = await join({ url: server.url, prefix: randomUUID() })
  expect(logged).toEqual([expect.stringContaining('maxmemory-policy evicts')])
})
