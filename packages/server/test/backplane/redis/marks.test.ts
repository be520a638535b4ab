import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { RedisServer } from '../../../../../test/support/redis.js'
import type { MarkStore } from '../../../src/api/contracts/marks.js'
import { Keys } from '../../../src/backplane/redis/keys.js'
import { TestNode } from './nodes.js'

let store: RedisServer
beforeAll(async () => {
  store = await RedisServer.start()
})
afterAll(() => store.remove())

const nodes: TestNode[] = []
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.backplane.close()
})

async function room(options: object = {}) {
  const prefix = randomUUID()
  const node = await TestNode.start({ url: store.url, prefix, headCheckMs: 60_000, ...options })
  nodes.push(node)
  const marks = node.backplane.marks as MarkStore
  const read = (userId: string) => ({ userId, counts: [] })
  const markOf = async (userId: string) => (await marks.reading('r', read(userId))).mark?.offset
  const say = async (userId: string) => {
    const id = randomUUID()
    const message = { type: 'chat_message', message: 'hi', user_id: userId, room_id: 'r', id }
    await node.backplane.publish('r', { id, message, timestampMs: 1, readBy: userId })
  }
  const log = new Keys(prefix, 0).log('r')
  const fields = async () => (await store.command('HKEYS', log)) as string[]
  return { node, marks, read, markOf, say, log, fields }
}

it('[U7] marks of entries that somebody deleted from Redis fall back to where the log broke', async () => {
  const { marks, read, markOf, say, log } = await room()
  for (const user of ['ana', 'bob', 'eve', 'dan']) await say(user)
  await store.command('HDEL', log, '3', '4')
  await say('new')
  await say('new')
  expect([await markOf('ana'), await markOf('bob'), await markOf('eve'), await markOf('dan')]).toEqual([
    1, 2, 2, 2,
  ])
  expect(await marks.reading('r', read('dan'))).toMatchObject({ unread: 2 })
  expect((await marks.list('r', 10)).map(({ userId, mark }) => `${userId} ${mark.offset}`).sort()).toEqual([
    'ana 1',
    'bob 2',
    'dan 2',
    'eve 2',
    'new 4',
  ])
})

it('a log in Redis keeps no more marks than marksCount, and leaves no field of others behind', async () => {
  const { marks, say, markOf, fields } = await room({ marksCount: 3 })
  for (const user of ['u1', 'u2', 'u3', 'u2', 'u4', 'u5']) await say(user)
  expect((await marks.list('r', 10)).map(({ userId }) => userId)).toEqual(['u5', 'u4', 'u3'])
  expect([await markOf('u1'), await markOf('u2'), await markOf('u5')]).toEqual([undefined, undefined, 6])
  expect((await fields()).filter((field) => /^[mu]/.test(field)).sort()).toEqual([
    'mu3',
    'mu4',
    'mu5',
    'u3',
    'u4',
    'u5',
  ])
})

it('a mark in Redis that was not moved for long is none, and goes with the marks of others', async () => {
  const { marks, say, markOf, log, fields } = await room({ marksMs: 60_000 })
  await say('ana')
  await say('bob')
  const [offset, id, at, number] = String(await store.command('HGET', log, 'mana')).split('\n')
  await store.command('HSET', log, 'mana', [offset, id, Number(at) - 60_000, number].join('\n'))
  expect([await markOf('ana'), await markOf('bob')]).toEqual([undefined, 2])
  expect((await marks.list('r', 10)).map(({ userId }) => userId)).toEqual(['bob'])
  await say('eve')
  expect((await fields()).filter((field) => /^[mu]/.test(field)).sort()).toEqual(['mbob', 'meve', 'u2', 'u3'])
})
