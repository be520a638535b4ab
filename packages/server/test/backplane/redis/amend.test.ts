import { randomUUID } from 'node:crypto'
import type { Draft } from '@roomful/server'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { RedisServer } from '../../../../../test/support/redis.js'
import type { Amendment, Position } from '../../../src/api/contracts/backplane.js'
import { Keys } from '../../../src/backplane/redis/keys.js'
import { dump, TestNode } from './nodes.js'

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

const timestamp = '2026-01-01T00:00:00.000Z'

function written(text: string): Draft {
  const id = randomUUID()
  const message = {
    type: 'chat_message',
    message: text,
    timestamp,
    user_id: 'ana',
    room_id: 'r',
    id,
    data: { list: [], long: 0.1234567890123456 },
  }
  return { id, message, timestampMs: 1 }
}

function amending({ offset, id }: Position, text?: string): Draft {
  const draft = { ...written(''), id: randomUUID() }
  const [type, edit] =
    text === undefined ? ['message_deleted', {}] : ['message_edited', { message: text, data: { list: [] } }]
  const target = { offset, id }
  const message = { type, target, ...edit, timestamp, user_id: 'ana', room_id: 'r', id: draft.id }
  const how = { target, userId: 'ana', moderates: false }
  const amends: Amendment =
    text === undefined
      ? { kind: 'delete', ...how }
      : { kind: 'edit', message: text, data: { list: [] }, ...how }
  return { ...draft, message, amends }
}

async function publish({ backplane }: TestNode, draft: Draft): Promise<Position> {
  const result = await backplane.publish('r', draft)
  if (result.status !== 'accepted') throw new Error(result.status)
  return result.position
}

/** The hash of the room, and that of the feed. */
async function hashes(prefix: string): Promise<readonly Record<string, string>[]> {
  const keys = new Keys(prefix, 0)
  return Promise.all(
    [keys.log('r'), keys.changes].map(async (key) => {
      const flat = (await store.command('HGETALL', key)) as Record<string, string> | string[]
      if (!Array.isArray(flat)) return { ...flat }
      return Object.fromEntries(
        Array.from({ length: flat.length / 2 }, (_, n) => [flat[2 * n], flat[2 * n + 1]]),
      )
    }),
  )
}

/** What the state of a log says that its entries take, and what they do take. */
function bytes(log: Record<string, string>): readonly [number, number] {
  const entries = Object.entries(log).filter(([field]) => /^\d+$/.test(field))
  const sizes = entries.map(([, raw]) => Buffer.byteLength(raw.split('\n').slice(4).join('\n')) + 120)
  return [Number(log.h?.split('\n')[4]), sizes.reduce((sum, size) => sum + size, 0)]
}

describe('an amendment in Redis', () => {
  it('[D7] a deletion leaves no byte of hundreds of edits in any key, and counts their bytes', async () => {
    const prefix = randomUUID()
    const node = await join(prefix, { changes: {} })
    const position = await publish(node, written('hidden ü'))
    for (let n = 0; n < 250; n++) await publish(node, amending(position, `hidden ${n} ${'ü'.repeat(n % 9)}`))
    expect((await dump(store, prefix)).split('hidden').length).toBeGreaterThan(500)
    await publish(node, amending(position))
    const after = await dump(store, prefix)
    expect(after.includes('hidden')).toBe(false)
    expect(after.includes(position.id)).toBe(true)
    for (const hash of await hashes(prefix)) expect(bytes(hash)[0]).toBe(bytes(hash)[1])
  })

  it('an edit keeps empty lists and long numbers as they were written', async () => {
    const node = await join(randomUUID())
    const position = await publish(node, written('one'))
    await publish(node, amending(position, 'two'))
    const { entries } = await node.backplane.read('r', { before: undefined, limit: 9, maxBytes: 9_999 })
    expect(entries[0]?.text).toContain('"data":{"list":[]}')
  })

  it('edits that the log has dropped leave no field behind', async () => {
    const prefix = randomUUID()
    const node = await join(prefix, { changes: {}, historyCount: 20 })
    for (let n = 0; n < 10; n++) {
      const position = await publish(node, written(`${n}`))
      for (let edit = 0; edit < 4; edit++) await publish(node, amending(position, `${n} ${edit}`))
    }
    const [log = {}] = await hashes(prefix)
    const kept = Object.keys(log).filter((field) => /^[ec]\d+$/.test(field))
    expect(kept.length).toBeGreaterThan(20)
    expect(kept.filter((field) => log[field.slice(1)] === undefined)).toEqual([])
  })

  it('[D3] edits of one message on several nodes at once are all accepted, and the last one stands', async () => {
    const prefix = randomUUID()
    const all = [await join(prefix), await join(prefix), await join(prefix)]
    const [node] = all as [TestNode]
    const position = await publish(node, written('0'))
    const edits = Array.from({ length: 30 }, (_, n) =>
      publish(all[n % 3] as TestNode, amending(position, `${n + 1}`)),
    )
    const offsets = (await Promise.all(edits)).map(({ offset }) => offset)
    const { entries } = await node.backplane.read('r', { before: undefined, limit: 99, maxBytes: 99_999 })
    const texts = entries.map(({ text }) => JSON.parse(text))
    expect([texts[0].version, texts[0].message]).toEqual([31, texts[30].message])
    expect([...offsets].sort((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, n) => n + 2))
  })
})
