import { readFile } from 'node:fs/promises'
import { createServer } from '@roomful/server'
import { redis } from '@roomful/server/redis'
import { afterEach, describe, expect, it } from 'vitest'
import { connectExtended } from '../../../../../test/support/connect.js'
import { type RedisOptions, RedisServer } from '../../../../../test/support/redis.js'
import { gate, type LogLine, logInto, serve } from '../../../../../test/support/wire-server.js'
import { Keys } from '../../../src/backplane/redis/keys.js'
import { TestNode, told, until } from './nodes.js'

const newest = { before: undefined, limit: 1_000, maxBytes: 1_000_000 }
const toEnd: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of toEnd.splice(0).reverse()) await end()
})

async function start(options: RedisOptions): Promise<RedisServer> {
  const store = await RedisServer.start(options)
  toEnd.push(() => store.remove())
  return store
}

async function join(...[options]: Parameters<typeof TestNode.start>): Promise<TestNode> {
  const node = await TestNode.start(options)
  toEnd.push(() => node.backplane.close())
  return node
}

describe('a Redis Cluster', () => {
  it('a Redis Cluster is named as such at the start, and leaves nothing open', async () => {
    const cluster = await start({ args: ['--cluster-enabled', 'yes'] })
    for (const database of ['', '/3']) {
      const log: LogLine[] = []
      const server = createServer({
        backplane: redis({ url: `${cluster.url}${database}` }),
        logger: logInto(log),
      })
      await expect(server.listen({ port: 0 })).rejects.toThrow(
        'this is a Redis Cluster, which is not supported',
      )
      await server.close()
    }
    const clients = String(await cluster.command('CLIENT', 'LIST'))
      .trim()
      .split('\n')
    expect(clients).toHaveLength(1)
  })
})

/** Why a server with this url does not start. It leaves nothing open. */
async function refusalOf(store: RedisServer, user: string): Promise<unknown> {
  const url = store.url.replace('://', `://${user}`)
  const server = createServer({ backplane: redis({ url, durability: 'replicated' }), logger: logInto([]) })
  const refusal = await server.listen({ port: 0 }).then(
    () => undefined,
    (error: unknown) => error,
  )
  await server.close()
  const clients = async () => String(await store.command('CLIENT', 'LIST')).match(/^id=/gm)
  await expect.poll(clients).toHaveLength(1)
  return refusal
}

describe('a Redis that refuses the user', () => {
  it.each([
    ['a wrong password', ':wrong@'],
    ['an unknown user', 'nobody:secret@'],
    ['no password', ''],
  ])('a Redis that refuses the user for %s ends the start in words', async (_, user) => {
    const store = await start({ password: 'secret' })
    const refusal = await refusalOf(store, user)
    expect(refusal).toBeInstanceOf(TypeError)
    expect(refusal).toMatchObject({ message: expect.stringContaining('refuses the user or the password') })
  })

  it.each([
    ['a channel', ['+@all', 'resetchannels']],
    ['keys', ['+@all', 'resetkeys']],
    ['scripts', ['+@all', '-@scripting']],
    ['a command in a script', ['+@all', '-time']],
  ])('a Redis that refuses the user %s ends the start, and says what Redis said', async (_, rights) => {
    const store = await start({})
    await store.command('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', ...rights)
    const refusal = await refusalOf(store, 'app:secret@')
    expect(refusal).toBeInstanceOf(TypeError)
    expect(refusal).toMatchObject({
      message: expect.stringMatching(/may not do all that Roomful needs \(.*(NOPERM|can't run)/),
    })
  })

  it('a Redis that grants the user what docs/redis.md lists serves it', async () => {
    const docs = await readFile(new URL('../../../../../docs/redis.md', import.meta.url), 'utf8')
    const [, rights = ''] = /`(ACL SETUSER roomful on >secret [^`]+)`/.exec(docs) ?? []
    const store = await start({})
    await store.command(...rights.split(' '))
    const log: LogLine[] = []
    const backplane = redis({ url: store.url.replace('://', '://roomful:secret@') })
    const { url } = await serve({ backplane, logger: logInto(log) })
    const ana = await connectExtended(url)
    await ana.join('r')
    const message = { type: 'chat_message', room_id: 'r', message: 'hi', client_id: 'c1' }
    expect(await ana.ask(message, 'ack')).toMatchObject({ offset: 1 })
    await ana.ask({ type: 'presence', room_id: 'r', state: { typing: 1 } }, 'presence')
    await ana.ask({ type: 'history', room_id: 'r' }, 'history')
    expect(log.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([])
  })

  it('a Redis that is not there yet is waited for', async () => {
    const store = await start({})
    await store.kill()
    const tried = gate()
    const logger = { ...logInto([]), warn: tried.open }
    const server = createServer({ backplane: redis({ url: store.url }), logger })
    toEnd.push(() => server.close())
    const listening = server.listen({ port: 0 })
    await tried.opened
    await store.start()
    await listening
    expect(server.ready).toBe(true)
  })
})

/** Nothing more fits in, and nothing is thrown away. */
async function fill(store: RedisServer): Promise<() => Promise<void>> {
  await store.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
  await store.command('CONFIG', 'SET', 'maxmemory', '1')
  return async () => void (await store.command('CONFIG', 'SET', 'maxmemory', '0'))
}

describe('a Redis whose memory is full', () => {
  it('[E16] a Redis whose memory is full refuses messages for now, in new rooms too, logs none of them, and takes them when it has room again', async () => {
    const store = await start({})
    const node = await join({ url: store.url })
    await node.publish('r', 'before', 'c0')
    const empty = await fill(store)
    for (const room of ['r', 'new'])
      for (const clientId of ['c1', undefined])
        await expect(node.publish(room, 'meanwhile', clientId)).rejects.toMatchObject({
          code: 'unavailable',
          retryAfterMs: 1_000,
        })
    await expect(node.backplane.enter('r', { userId: 'ada' }, 'c')).rejects.toMatchObject({
      code: 'unavailable',
    })
    const { entries, head } = await node.backplane.read('r', newest)
    expect([entries.length, head.offset]).toEqual([1, 1])
    await expect(node.backplane.read('new', newest)).rejects.toMatchObject({ code: 'unavailable' })
    expect(await store.command('EXISTS', new Keys('roomful', 0).log('new'))).toBe(0)
    await empty()
    expect((await node.publish('r', 'meanwhile', 'c1')).position.offset).toBe(2)
    expect((await node.publish('new', 'meanwhile', 'c1')).position.offset).toBe(1)
  })

  it('a Redis whose memory is full lets members leave, and those who stay are not taken for gone', async () => {
    const store = await start({})
    const node = await join({ url: store.url })
    const other = await join({ url: store.url })
    const events = await other.listen('r')
    for (const userId of ['ada', 'bob', 'cleo']) await node.backplane.enter('r', { userId }, userId)
    await fill(store)
    await node.backplane.leave('r', 'ada', 'ada', false)
    await node.backplane.leave('r', 'bob', 'bob', true)
    await until(
      () => told(events).includes('bob leave'),
      () => told(events),
    )
    // Twice the lease, by the time of Redis, in which its end is looked for.
    const [lease = ''] = (await store.command('ZRANGE', 'roomful:tasks', '0', '0')) as string[]
    const due = async () => Number(await store.command('ZSCORE', 'roomful:tasks', lease))
    const before = await due()
    await until(
      async () => (await due()) > before + 3_000,
      () => 'not renewed',
    )
    expect(told(events).slice(3)).toEqual(['ada leave', 'bob leave'])
    expect((await other.backplane.present('r')).count).toBe(1)
  })

  it('a Redis whose memory is full lets another node start', async () => {
    const store = await start({})
    const node = await join({ url: store.url })
    const empty = await fill(store)
    const late = await join({ url: store.url })
    expect([late.backplane.ready, late.backplane.sharedSecret]).toEqual([true, node.backplane.sharedSecret])
    await empty()
  })

  it('[M11] a Redis whose memory is full acknowledges nothing that it does not hold, on the wire', async () => {
    const store = await start({})
    const { url } = await serve({ backplane: redis({ url: store.url }) })
    const ana = await connectExtended(url)
    await ana.join('r')
    const empty = await fill(store)
    const message = { type: 'chat_message', room_id: 'r', message: 'hi', client_id: 'c1' }
    expect(await ana.ask(message, 'error')).toMatchObject({ code: 'unavailable', retry_after_ms: 1_000 })
    expect(ana.frames.filter(({ type }) => type === 'ack' || type === 'chat_message')).toEqual([])
    await empty()
    expect(await ana.ask(message, 'ack')).toMatchObject({ offset: 1, duplicate: false })
  })
})

describe('a Redis that lost everything while connections stood', () => {
  it('[H12] [P5] a Redis that lost everything while connections stood is told, has everybody back who is there, and the secret of the running nodes', async () => {
    const store = await start({})
    const node = await join({ url: store.url })
    const events = await node.listen('r')
    await node.publish('r', 'one')
    await node.backplane.enter('r', { userId: 'ada' }, 'c')
    await store.command('FLUSHALL')
    await until(
      () => told(events).some((event) => event.startsWith('resync epoch_changed')),
      () => told(events),
    )
    await until(
      async () => (await node.backplane.present('r')).count === 1,
      () => told(events),
    )
    await node.publish('r', 'two')
    await until(
      () => told(events).includes('two'),
      () => told(events),
    )
    const late = await join({ url: store.url })
    expect(late.backplane.sharedSecret).toBe(node.backplane.sharedSecret)
  })
})
