import { randomUUID } from 'node:crypto'
import { silentLogger, systemClock } from '@roomful/server'
import { redis } from '@roomful/server/redis'
import { RedisServer } from '../test/support/redis.js'
import { type Figure, writeResult } from '../test/support/results.js'

/** What Redis pays for each thing that nodes ask of it. Writes docs/results/redis-costs.md. */
const MESSAGES = 20_000
const ROOMS = 1_000
const MEMBERS = 10_000
const CONCURRENCY = 64
const TEXT = 'x'.repeat(64)

const server = await RedisServer.start()
const node = async (options = {}) => {
  const backplane = redis({ url: server.url, ...options })
  const link = {
    clock: systemClock,
    logger: silentLogger,
    graceMs: 10_000,
    listedMembers: 200,
    newId: randomUUID,
  }
  await backplane.start({ ...link, receive: () => {} })
  return backplane
}
type Node = Awaited<ReturnType<typeof node>>

async function info(section: string, field: string): Promise<number> {
  const text = String(await server.command('INFO', section))
  return Number(new RegExp(`^${field}:([\\d.]+)`, 'm').exec(text)?.[1] ?? 0)
}
const cpuUs = async () => 1e6 * ((await info('cpu', 'used_cpu_user')) + (await info('cpu', 'used_cpu_sys')))
const memory = () => info('memory', 'used_memory')
const bytesOut = () => info('stats', 'total_net_output_bytes')

/** Runs a task that many times, some at once; returns what Redis paid for each. */
async function priceOf(times: number, task: (index: number) => Promise<unknown>) {
  const [cpu, bytes, out, startedAt] = [await cpuUs(), await memory(), await bytesOut(), performance.now()]
  let next = 0
  const worker = async () => {
    while (next < times) await task(next++)
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, worker))
  const seconds = (performance.now() - startedAt) / 1_000
  return {
    'Redis CPU µs': Math.round(((await cpuUs()) - cpu) / times),
    'memory bytes': Math.round(((await memory()) - bytes) / times),
    'bytes out': Math.round(((await bytesOut()) - out) / times),
    'a second': Math.round(times / seconds),
  }
}

async function publish(at: Node, stream: string, index: number) {
  const [userId, clientId] = [`user-${index % 100}`, randomUUID()]
  const body = { type: 'chat_message', room_id: stream, user_id: userId, client_id: clientId, message: TEXT }
  const message = { ...body, id: randomUUID(), timestamp: new Date().toISOString() }
  const sender = { userId, clientId, fingerprint: 1 }
  return at.publish(stream, { id: randomUUID(), message, timestampMs: Date.now(), sender })
}

const room = (index: number) => `room-${index % ROOMS}`

// Before all else, since what nodes leave behind keeps Redis busy for a while.
const checking = await node({ headCheckMs: 1_000, prefix: 'checks' })
await priceOf(ROOMS, (index) => checking.subscribe(room(index), () => {}))
await priceOf(ROOMS, (index) => publish(checking, room(index), index))
const [before, idleMs] = [await cpuUs(), 5_000]
await new Promise((resolve) => setTimeout(resolve, idleMs))
const checkUs = ((await cpuUs()) - before) / ((idleMs / 1_000) * ROOMS)
await checking.close()

const [first, second] = [await node(), await node()]
const prices: Record<string, Awaited<ReturnType<typeof priceOf>>> = {}
const enter = (stream: string) => (index: number) =>
  first.enter(stream, { userId: `user-${index}` }, `c-${index}`)

prices['subscribe to a room that is new'] = await priceOf(ROOMS, (index) =>
  first.subscribe(room(index), () => {}),
)
prices['publish, one node subscribed (memory: log entry and dedupe record)'] = await priceOf(
  MESSAGES,
  (index) => publish(first, room(index), index),
)
await priceOf(ROOMS, (index) => second.subscribe(room(index), () => {}))
prices['publish, two nodes subscribed'] = await priceOf(MESSAGES, (index) =>
  publish(first, room(index), index),
)
prices['publish into one full log (1,000 entries; memory: dedupe record)'] = await priceOf(
  MESSAGES,
  (index) => publish(first, 'hot', index),
)
prices['read a page of 50'] = await priceOf(MESSAGES / 4, () =>
  first.read('hot', { before: undefined, limit: 50, maxBytes: 262_144 }),
)
prices['enter, rooms of 10'] = await priceOf(MEMBERS, (index) => enter(room(index))(index))
prices['enter, one room'] = await priceOf(MEMBERS, enter('crowded'))
prices['list a room of 10'] = await priceOf(MESSAGES / 4, (index) => first.present(room(index)))
await Promise.all([first.close(), second.close()])

await server.remove()
const figures = Object.entries(prices).flatMap(([what, price]) =>
  Object.entries(price).map(([unit, value]): Figure => [`${what}: ${unit}`, value]),
)
const check: Figure = ['a head check of one room by one node: Redis CPU µs', checkUs]
writeResult('redis-costs', 'What Redis pays', 'npx tsx bench/redis-costs.ts', [...figures, check])
