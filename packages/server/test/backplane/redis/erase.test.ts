import { randomUUID } from 'node:crypto'
import type { Draft } from '@roomful/server'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { RedisServer } from '../../../../../test/support/redis.js'
import { Keys } from '../../../src/backplane/redis/keys.js'
import { dump, TestNode, told, until } from './nodes.js'

let store: RedisServer
beforeAll(async () => {
  store = await RedisServer.start()
})
afterAll(() => store.remove())

const nodes: TestNode[] = []
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.backplane.close()
})

async function join(prefix: string, options: object = {}): Promise<TestNode> {
  const node = await TestNode.start({ url: store.url, prefix, ...options })
  nodes.push(node)
  return node
}

const newest = { before: undefined, limit: 2_000, maxBytes: 10_000_000 }

function written(user: string, n: number): Draft {
  const id = `${user}-${n}`
  const message = {
    type: 'chat_message',
    message: `the password of ${user} is hunter${n} ${'z'.repeat(n % 300)}`,
    timestamp: '2026-01-01T00:00:00.000Z',
    user_id: user,
    room_id: 'r',
    id,
    client_id: `chosen-by-${user}-${n}`,
    data: { pin: `pin-of-${user}-${n}` },
  }
  const sender = { userId: user, clientId: `chosen-by-${user}-${n}`, fingerprint: n }
  return { id, message, timestampMs: n, sender }
}

/** Many messages of two users in three rooms, and one in the own stream of one. */
async function fill({ backplane }: TestNode): Promise<void> {
  for (let n = 0; n < 900; ) {
    const published: unknown[] = []
    for (const end = n + 100; n < end; n++)
      for (const user of ['ana', 'ben']) published.push(backplane.publish(`r${n % 3}`, written(user, n)))
    await Promise.all(published)
  }
  const message = { type: 'news', text: 'the password of ana' }
  await backplane.publish('@user:ana', { id: 'own', message, timestampMs: 1 })
}

async function messagesOf({ backplane }: TestNode, stream: string): Promise<Record<string, unknown>[]> {
  const { entries } = await backplane.read(stream, newest)
  return entries.map(({ text }) => JSON.parse(text) as Record<string, unknown>)
}

const noticesIn = (messages: readonly Record<string, unknown>[]) =>
  messages.filter(({ type }) => type === 'messages_erased')

describe('an erasure in Redis', () => {
  it('[M15] an erasure in Redis leaves no byte of what the user wrote in any key, and every place, every message of others, and the bytes that retention counts', async () => {
    const prefix = randomUUID()
    const node = await join(prefix, { changes: {} })
    await fill(node)
    const texts = ['the password of ana', 'pin-of-ana', 'chosen-by-ana']
    const before = await dump(store, prefix)
    expect(texts.filter((text) => before.includes(text))).toEqual(texts)
    await node.backplane.erase?.('ana')
    const after = await dump(store, prefix)
    expect(texts.filter((text) => after.includes(text))).toEqual([])
    expect(after.includes('the password of ben')).toBe(true)
    for (const room of ['r0', 'r1', 'r2']) {
      const messages = await messagesOf(node, room)
      expect(messages.map(({ offset }) => offset)).toEqual(Array.from({ length: 601 }, (_, n) => n + 1))
      const ofAna = messages.filter(({ type, user_id }) => type === 'chat_message' && user_id === 'ana')
      expect(ofAna).toHaveLength(300)
      expect(ofAna.every(({ message, deleted }) => message === '' && deleted === true)).toBe(true)
      const ofBen = messages.filter(({ user_id }) => user_id === 'ben')
      expect(ofBen.filter(({ message, data }) => message !== '' && data !== undefined)).toHaveLength(300)
      const through = ofAna.at(-1)?.offset
      expect(noticesIn(messages)).toMatchObject([{ user_id: 'ana', through, offset: 601 }])
      expect(await bytesOf(prefix, room)).toEqual(await bytesInState(prefix, room))
    }
    expect(await messagesOf(node, '@user:ana')).toEqual([])
  })

  it('[M15] an erasure in Redis at the same time on two nodes, twice on one, tells each room once', async () => {
    const prefix = randomUUID()
    const [one, other] = [await join(prefix), await join(prefix)]
    await fill(one)
    await Promise.all([one, one, other].map(({ backplane }) => backplane.erase?.('ana')))
    for (const room of ['r0', 'r1', 'r2']) {
      const messages = await messagesOf(one, room)
      expect(noticesIn(messages)).toHaveLength(1)
      expect(messages.some(({ user_id, message }) => user_id === 'ana' && message)).toBe(false)
    }
  })

  it('[M15] an erasure in Redis that failed in the middle is completed by the next, which tells each room once', async () => {
    const prefix = randomUUID()
    const node = await join(prefix)
    await fill(node)
    // A full Redis takes what frees memory, and no entry.
    await store.command('CONFIG', 'SET', 'maxmemory', '1')
    await expect(node.backplane.erase?.('ana')).rejects.toMatchObject({ code: 'unavailable' })
    await store.command('CONFIG', 'SET', 'maxmemory', '0')
    const half = await messagesOf(node, 'r0').then((r0) => r0.filter(({ deleted }) => deleted))
    await node.backplane.erase?.('ana')
    expect((await dump(store, prefix)).includes('the password of ana')).toBe(false)
    for (const room of ['r0', 'r1', 'r2']) {
      const messages = await messagesOf(node, room)
      const last = messages.findLast(({ deleted }) => deleted)
      expect(noticesIn(messages)).toMatchObject([{ through: last?.offset }])
    }
    expect(half.length).toBeLessThan(300)
  })

  it('[M15] an erasure in Redis leaves what was logged after it began', async () => {
    const prefix = randomUUID()
    const node = await join(prefix, { changes: {} })
    await node.backplane.publish('r', written('ana', 1))
    await node.backplane.publish('r', written('ana', 2))
    const log = new Keys(prefix, 0).log('r')
    for (const key of [log, `${prefix}:feed`]) {
      const [id, previous, at, ...rest] = String(await store.command('HGET', key, '2')).split('\n')
      const later = [id, previous, Number(at) + 60_000, ...rest].join('\n')
      await store.command('HSET', key, '2', later)
    }
    await node.backplane.erase?.('ana')
    const texts = (await messagesOf(node, 'r')).map(({ message }) => message)
    expect(texts).toEqual(['', written('ana', 2).message.message, undefined])
    const fed = await node.backplane.changes?.read(undefined, 10, 100_000)
    expect(fed?.entries.map(({ entry }) => JSON.parse(entry.text).message)).toEqual(texts)
  })

  it('an erasure in Redis whose notice pushes out what it erased keeps count of the bytes', async () => {
    const prefix = randomUUID()
    const node = await join(prefix, { historyCount: 2 })
    for (const n of [1, 2]) await node.backplane.publish('r', written('ana', n))
    await node.backplane.erase?.('ana')
    expect((await messagesOf(node, 'r')).map(({ offset, deleted }) => [offset, deleted])).toEqual([
      [2, true],
      [3, undefined],
    ])
    expect(await bytesInState(prefix, 'r')).toBe(await bytesOf(prefix, 'r'))
  })

  it('[M13] an erasure in Redis forgets the records of the user, and of nobody else', async () => {
    const prefix = randomUUID()
    const node = await join(prefix, { historyCount: 2 })
    const repeat = async (user: string, n: number) => {
      const { sender, ...one } = written(user, n)
      const again = { ...one, sender: sender && { ...sender, seen: 0 } }
      const result = await node.backplane.publish('r', again)
      return result.status === 'accepted' ? result.duplicate : result.status
    }
    for (const [user, n] of [
      ['ana', 1],
      ['ben', 2],
      ['ana', 3],
      ['ben', 4],
    ] as const)
      await node.backplane.publish('r', written(user, n))
    await node.backplane.erase?.('ana')
    expect([await repeat('ana', 1), await repeat('ana', 3)]).toEqual(['forgotten', 'forgotten'])
    expect([await repeat('ben', 2), await repeat('ben', 4)]).toEqual([true, true])
  })
})

/** The bytes of the entries in a log, counted anew. */
async function bytesOf(prefix: string, stream: string): Promise<number> {
  const fields = (await store.command('HGETALL', new Keys(prefix, 0).log(stream))) as Record<string, string>
  const raws = Object.entries(fields).filter(([field]) => /^\d+$/.test(field))
  return raws.reduce((sum, [, raw]) => {
    const open = raw.split('\n').slice(4).join('\n')
    return sum + Buffer.byteLength(open) + 120
  }, 0)
}

async function bytesInState(prefix: string, stream: string): Promise<number> {
  const state = await store.command('HGET', new Keys(prefix, 0).log(stream), 'h')
  return Number(String(state).split('\n')[4])
}

describe('a log in Redis that was ended', () => {
  it('a log in Redis that was ended is told on other nodes at once', async () => {
    const prefix = randomUUID()
    const [one, other] = [
      await join(prefix, { headCheckMs: 60_000 }),
      await join(prefix, { headCheckMs: 60_000 }),
    ]
    const events = await other.listen('r')
    for (const text of ['one', 'two']) await one.publish('r', text)
    await one.backplane.delete?.('r')
    await one.publish('r', 'three')
    await until(
      () => told(events).includes('three'),
      () => told(events),
    )
    expect(told(events)).toEqual(['one', 'two', 'resync epoch_changed at 0', 'three'])
  })

  it('a log in Redis that was ended leaves the feed in steps, and readers of small pages pass over what it left', async () => {
    const prefix = randomUUID()
    const node = await join(prefix, { changes: {} })
    await Promise.all(Array.from({ length: 450 }, (_, n) => node.publish('r', `hidden ${n}`)))
    const { head } = (await node.backplane.changes?.read(undefined, 1, 1)) ?? {}
    await node.publish('s', 'kept')
    await node.backplane.delete?.('r')
    expect((await dump(store, prefix)).includes('hidden')).toBe(false)
    const page = await node.backplane.changes?.read(undefined, 3, 10_000)
    expect(page).toMatchObject({ entries: [{ stream: 's' }], more: false, fault: undefined })
    const next = await node.backplane.changes?.read(head, 3, 10_000)
    expect(next?.entries).toEqual(page?.entries)
    await node.backplane.delete?.('s')
    expect(await node.backplane.changes?.read(head, 3, 10_000)).toMatchObject({
      entries: [],
      more: false,
      fault: undefined,
    })
  })

  it('a log in Redis that was ended and is ended again stays as it is, as does one that never was', async () => {
    const prefix = randomUUID()
    const node = await join(prefix)
    const events = await node.listen('r')
    await node.publish('r', 'one')
    await node.backplane.delete?.('r')
    await node.backplane.delete?.('r')
    await node.backplane.delete?.('never')
    expect(told(events)).toEqual(['one', 'resync epoch_changed at 0'])
    const logs = (await store.command('KEYS', `${prefix}:{*}:log:*`)) as string[]
    expect(logs).toEqual([new Keys(prefix, 0).log('r')])
    expect(Number(await store.command('PTTL', logs[0] ?? ''))).toBeGreaterThan(0)
  })
})
