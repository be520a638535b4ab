import { randomUUID } from 'node:crypto'
import type { StreamEvent } from '@roomful/server'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { RedisServer } from '../../../../../test/support/redis.js'
import { TcpProxy } from '../../../../../test/support/tcp-proxy.js'
import { Keys } from '../../../src/backplane/redis/keys.js'
import { TestNode, told, until } from './nodes.js'

let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start()
})
afterAll(() => server.remove())

const toEnd: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of toEnd.splice(0).reverse()) await end()
})

async function join(prefix: string, url = server.url): Promise<TestNode> {
  const node = await TestNode.start({ url, prefix })
  toEnd.push(() => node.backplane.close())
  return node
}

/** A node that can be cut off, as good as dead to all others. */
async function joinBehindAddress(prefix: string): Promise<{ node: TestNode; address: TcpProxy }> {
  const address = await TcpProxy.to(server.port)
  toEnd.push(async () => address.close())
  return { node: await join(prefix, address.redisUrl), address }
}

const usersOf = async (node: TestNode) =>
  (await node.backplane.present('r')).users?.map(({ userId }) => userId)
const changes = (events: readonly StreamEvent[]) =>
  events.flatMap((event) => (event.kind === 'presence' ? [event.change] : []))

describe('presence in Redis', () => {
  it('[P4] presence in Redis numbers the changes of all nodes in one order', async () => {
    const prefix = randomUUID()
    const nodes = await Promise.all([join(prefix), join(prefix), join(prefix)])
    const heard = await Promise.all(nodes.map((node) => node.listen('r')))
    const users = Array.from({ length: 60 }, (_, n) => `user-${n}`)
    await Promise.all(users.map((userId, n) => nodes[n % 3]?.backplane.enter('r', { userId }, `c${n}`)))
    await Promise.all(users.map((userId, n) => nodes[n % 3]?.backplane.leave('r', userId, `c${n}`, false)))
    await until(
      () => heard.every((events) => events.length === 120),
      () => heard.map((events) => events.length),
    )
    const [first, ...others] = heard.map(changes)
    const versions = first?.map(({ version }) => version) ?? []
    expect(versions).toEqual(versions.map((_, index) => (versions[0] ?? 0) + index))
    for (const other of others) expect(other).toEqual(first)
    expect(first?.at(-1)?.count).toBe(0)
  })

  it('presence in Redis lets the members of a killed node leave once, told by one of the others', async () => {
    const prefix = randomUUID()
    const [left, right] = await Promise.all([join(prefix), join(prefix)])
    const { node: killed, address } = await joinBehindAddress(prefix)
    const events = await left.listen('r')
    await left.backplane.enter('r', { userId: 'ada' }, 'a')
    await killed.backplane.enter('r', { userId: 'ada' }, 'a2')
    for (const userId of ['bob', 'cleo']) await killed.backplane.enter('r', { userId }, userId)
    address.shut()
    await until(
      () => events.length === 5,
      () => told(events),
    )
    expect(told(events).slice(3).sort()).toEqual(['bob leave', 'cleo leave'])
    expect(await usersOf(right)).toEqual(['ada'])
    await right.backplane.enter('r', { userId: 'dan' }, 'd')
    await until(
      () => events.length === 6,
      () => told(events),
    )
    expect(told(events).at(-1)).toBe('dan enter')
  })

  it('presence in Redis is not kept up by what another version has noted, nor is a node kept busy', async () => {
    const prefix = randomUUID()
    const survivor = await join(prefix)
    const { node: killed, address } = await joinBehindAddress(prefix)
    const events = await survivor.listen('r')
    await killed.backplane.enter('r', { userId: 'ada' }, 'a')
    const tasks = ['no JSON', '5', '[]', '["lease"]', '["grace","r"]', '["another","r"]']
    for (const task of tasks) await server.command('ZADD', `${prefix}:tasks`, '0', task)
    const leases = (await server.command('KEYS', `${prefix}:lease:*`)) as string[]
    for (const lease of leases) await server.command('SADD', lease, 'no JSON', '5', '["r"]')
    address.shut()
    await until(
      () => told(events).includes('ada leave'),
      () => told(events),
    )
    const left = async () => (await server.command('ZRANGE', `${prefix}:tasks`, '0', '-1')) as string[]
    await until(
      async () => (await left()).length === 1,
      () => survivor.logged,
    )
  })

  it('presence in Redis keeps a user who came back through another node before the lease was over', async () => {
    const prefix = randomUUID()
    const survivor = await join(prefix)
    const { node: killed, address } = await joinBehindAddress(prefix)
    const events = await survivor.listen('r')
    await killed.backplane.enter('r', { userId: 'ada' }, 'old')
    await killed.backplane.enter('r', { userId: 'bob' }, 'gone')
    address.shut()
    await survivor.backplane.enter('r', { userId: 'ada' }, 'new')
    await until(
      () => told(events).includes('bob leave'),
      () => told(events),
    )
    expect(told(events)).toEqual(['ada enter', 'bob enter', 'bob leave'])
    expect(await usersOf(survivor)).toEqual(['ada'])
  })

  it('presence in Redis has the members of a node back that was cut off for longer than its lease', async () => {
    const prefix = randomUUID()
    const other = await join(prefix)
    const { node, address } = await joinBehindAddress(prefix)
    await node.backplane.enter('r', { userId: 'ada' }, 'a')
    await node.backplane.enter('r', { userId: 'bob' }, 'b')
    address.shut()
    await until(
      async () => (await usersOf(other))?.length === 0,
      () => 'present',
    )
    await expect(node.backplane.leave('r', 'bob', 'b', false)).rejects.toMatchObject({ code: 'unavailable' })
    address.open()
    await until(
      async () => (await usersOf(other))?.length === 1,
      () => node.logged,
    )
    expect(await usersOf(other)).toEqual(['ada'])
  })

  it('presence in Redis forgets a member that left while the node was cut off for less than its lease', async () => {
    const prefix = randomUUID()
    const other = await join(prefix)
    const { node, address } = await joinBehindAddress(prefix)
    const events = await other.listen('r')
    await node.backplane.enter('r', { userId: 'ada' }, 'a')
    await node.backplane.enter('r', { userId: 'bob' }, 'b')
    address.shut()
    await expect(node.backplane.leave('r', 'bob', 'b', false)).rejects.toMatchObject({ code: 'unavailable' })
    address.open()
    await until(
      () => told(events).includes('bob leave'),
      () => told(events),
    )
    expect(told(events)).toEqual(['ada enter', 'bob enter', 'bob leave'])
  })

  it('[J11] presence in Redis ends the grace of a user whose node has gone meanwhile', async () => {
    const prefix = randomUUID()
    const survivor = await join(prefix)
    const { node, address } = await joinBehindAddress(prefix)
    await node.backplane.enter('r', { userId: 'ada' }, 'a')
    await node.backplane.leave('r', 'ada', 'a', true)
    address.shut()
    expect(await usersOf(survivor)).toEqual(['ada'])
    await until(
      async () => (await usersOf(survivor))?.length === 0,
      () => 'present',
    )
  })

  it('presence in Redis tells of changes that nobody told', async () => {
    const prefix = randomUUID()
    const node = await join(prefix)
    const events = await node.listen('r')
    await node.backplane.enter('r', { userId: 'ada' }, 'a')
    await until(
      () => events.length === 1,
      () => told(events),
    )
    await server.command('HINCRBY', new Keys(prefix, 0).present('r'), 'version', '1')
    await until(
      () => events.length === 2,
      () => told(events),
    )
    expect(told(events)).toEqual(['ada enter', 'presence missed'])
  })
})
