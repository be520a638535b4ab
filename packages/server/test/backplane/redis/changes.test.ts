import { defineProtocol } from '@roomful/protocol'
import type { Change, Roomful } from '@roomful/server'
import { redis } from '@roomful/server/redis'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { RedisServer } from '../../../../../test/support/redis.js'
import { type LogLine, serve } from '../../../../../test/support/wire-server.js'
import { TestNode, until } from './nodes.js'

const protocol = defineProtocol({ server: { noted: z.object({ text: z.string() }) } })
type Server = Roomful<typeof protocol>
type OneChange = Change<typeof protocol>

let store: RedisServer
beforeEach(async () => {
  store = await RedisServer.start()
})
afterEach(() => store.remove())

const start = (changes: { count?: number; bytes?: number } = {}) =>
  serve({ protocol, backplane: redis({ url: store.url, changes, commandTimeoutMs: 500 }) })

async function note(server: Server, ...texts: readonly string[]): Promise<void> {
  for (const text of texts) await server.room('a').publish({ type: 'noted', text })
}

function textOf({ message }: OneChange): string {
  if (message.type === 'chat_message') return message.message
  return message.type === 'noted' ? message.text : message.type
}

async function read(changes: AsyncIterable<OneChange>): Promise<OneChange[]> {
  const found = []
  for await (const change of changes) found.push(change)
  return found
}

const lines = (log: readonly LogLine[], start: string) => log.filter(({ event }) => event.startsWith(start))

describe('changes on Redis', () => {
  it('changes on Redis bring on each node what came through any, live, and a cursor outlives the nodes', async () => {
    const [one, other] = await Promise.all([start(), start()])
    await note(one.server, '1')
    const reading = read(other.server.changes({ limit: 4 }))
    await note(one.server, '2')
    await other.server.room('b').chat.send('3')
    await one.server.user('a\nb').publish({ type: 'noted', text: '4' })
    const seen = await reading
    expect(seen.map(textOf)).toEqual(['1', '2', '3', '4'])
    for (const { timestampMs } of seen) expect(Math.abs(Date.now() - timestampMs)).toBeLessThan(60_000)
    expect(seen.at(-1)).toMatchObject({ roomId: '@me', userId: 'a\nb', message: { offset: 1 } })
    expect(seen.slice(0, 2).map(({ message }) => message)).toEqual(
      (await one.server.room('a').history()).messages,
    )
    await Promise.all([one.server.close(), other.server.close()])
    const next = await start()
    await note(next.server, '5')
    const after = await read(next.server.changes({ after: seen[1]?.cursor ?? '', live: false }))
    expect(after.map(textOf)).toEqual(['3', '4', '5'])
  })

  it('changes on Redis keep within their count and bytes, and tell a reader whose next ones are gone', async () => {
    const { server } = await start({ count: 3 })
    await note(server, '1')
    const [first] = await read(server.changes({ limit: 1 }))
    await note(server, '2', '3', '4')
    const after = first?.cursor ?? ''
    expect((await read(server.changes({ after, live: false }))).map(textOf)).toEqual(['2', '3', '4'])
    await note(server, '5')
    await expect(read(server.changes({ after }))).rejects.toMatchObject({ code: 'cursor_gone' })
    expect((await read(server.changes({ live: false }))).map(textOf)).toEqual(['3', '4', '5'])
    await server.close()
    const small = await start({ bytes: 1_000 })
    await note(small.server, 'x'.repeat(600), 'y'.repeat(600))
    expect((await read(small.server.changes({ live: false }))).map(textOf)).toEqual(['y'.repeat(600)])
  })

  it('changes on Redis tell a reader of a Redis that lost its data, or went back to older ones', async () => {
    const { server } = await start()
    await note(server, '1', '2')
    const [, second] = await read(server.changes({ live: false }))
    const after = second?.cursor ?? ''
    await store.command('HDEL', 'roomful:feed', '2')
    await note(server, '2, again')
    await expect(read(server.changes({ after }))).rejects.toMatchObject({
      code: 'cursor_gone',
      message: /does not know this cursor/,
    })
    await store.command('FLUSHALL')
    await note(server, '3')
    await expect(read(server.changes({ after }))).rejects.toMatchObject({ message: /of another store/ })
  })

  it('changes on Redis wait while it does not answer, and miss nothing', async () => {
    const { server, log } = await start()
    await note(server, '1')
    const [first] = await read(server.changes({ limit: 1 }))
    store.pause()
    const reading = read(server.changes({ after: first?.cursor ?? '', limit: 1 }))
    await until(
      () => lines(log, 'changes: the store is unavailable').length === 1,
      () => log,
    )
    store.resume()
    await until(
      () => server.ready,
      () => log,
    )
    await note(server, '2')
    expect((await reading).map(textOf)).toEqual(['2'])
  })

  it('changes on Redis are refused in words where they were not turned on, and a node without them is warned of', async () => {
    const { server } = await start()
    await note(server, '1')
    const other = await serve({ protocol, backplane: redis({ url: store.url }) })
    expect(() => other.server.changes()).toThrow(
      'with Redis, turn it on on every node: redis({ changes: {} })',
    )
    expect(() => other.server.consume('index', () => {})).toThrow(TypeError)
    expect(lines(other.log, 'redis: a feed of changes is kept here')).toMatchObject([{ level: 'warn' }])
  })

  it.each([
    ['a count of 0', { count: 0 }, /changes.count must be a whole number above 0/],
    ['a misspelt name', { cont: 5 }, /there is no option 'changes.cont'/],
    ['what is no object', true, /changes must be an object/],
  ])('changes on Redis are refused for %s, at once', (_, changes, says) => {
    expect(() => redis({ changes: changes as object })).toThrow(TypeError)
    expect(() => redis({ changes: changes as object })).toThrow(says)
  })
})

describe('a consumer on Redis', () => {
  it('a consumer on Redis runs on one node, moves on at once when it is stopped there, and goes on where it was', async () => {
    const nodes = await Promise.all([start(), start()])
    const seen: { readonly node: number; readonly text: string }[] = []
    const consumers = nodes.map(({ server }, node) =>
      server.consume(
        'index',
        (changes) => void seen.push(...changes.map((one) => ({ node, text: textOf(one) }))),
        {
          leaseMs: 3_000,
        },
      ),
    )
    const seenAll = (count: number) =>
      until(
        () => seen.length >= count,
        () => seen,
      )
    await note(nodes[0].server, '1', '2', '3')
    await seenAll(3)
    const first = seen[0]?.node ?? 0
    await consumers[first]?.stop()
    await note(nodes[0].server, '4', '5')
    await seenAll(5)
    expect(seen.map(({ text }) => text)).toEqual(['1', '2', '3', '4', '5'])
    expect(seen.map(({ node }) => node)).toEqual([first, first, first, 1 - first, 1 - first])
  })

  it('a consumer on Redis is taken over from a node that died, which keeps nothing afterwards', async () => {
    const { server, log } = await start()
    await note(server, '1')
    const dead = await TestNode.start({ url: store.url, changes: {} })
    const feed = dead.backplane.changes
    expect(await feed?.claim('index', 'dead', 1_000)).toEqual({ cursor: undefined })
    const seen: string[] = []
    server.consume('index', (changes) => void seen.push(...changes.map(textOf)), { leaseMs: 900 })
    await until(
      () => seen.length === 1,
      () => log,
    )
    const head = (await feed?.read(undefined, 10, 1_000))?.head
    expect(head && (await feed?.commit('index', 'dead', head))).toBe(false)
    await dead.backplane.close()
  })
})
