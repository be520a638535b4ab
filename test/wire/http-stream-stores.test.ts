import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { redis } from '@roomful/server/redis'
import { sqlite } from '@roomful/server/sqlite'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { serveApi } from '../support/http-api.js'
import { RedisServer } from '../support/redis.js'
import { SseClient } from '../support/sse-client.js'

let store: RedisServer
beforeAll(async () => {
  store = await RedisServer.start({ durable: true })
})
afterAll(() => store.remove())

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => `${from + index}`)

async function texts(client: SseClient, count: number): Promise<unknown[]> {
  const found = []
  for (let n = 0; n < count; n++) found.push((await client.next()).message)
  return found
}

type Called = Pick<Awaited<ReturnType<typeof serveApi>>, 'call'>

async function say({ call }: Called, ...said: readonly string[]): Promise<void> {
  for (const message of said)
    expect(await call('POST', '/rooms/general/messages', { message })).toMatchObject({ status: 200 })
}

function newFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'roomful-stream-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'chat.db')
}

const nodesOnRedis = (prefix = randomUUID(), more: object = {}) => {
  const start = () =>
    serveApi(
      { backplane: redis({ url: store.url, prefix, headCheckMs: 500, ...more }) },
      { heartbeatMs: 200 },
    )
  return Promise.all([start(), start()])
}

describe('on SQLite', () => {
  it('a stream on SQLite is resumed by the next server on the file, each entry once and in order', async () => {
    const file = newFile()
    const first = await serveApi({ backplane: sqlite({ file }) })
    const client = await SseClient.open(first.base, 'general')
    await say(first, ...numbers(1, 120))
    expect(await texts(client, 120)).toEqual(numbers(1, 120))
    const closing = first.server.close()
    expect(await client.closed).toBe(true)
    await closing
    const second = await serveApi({ backplane: sqlite({ file }) })
    await say(second, ...numbers(121, 130))
    const resumed = await SseClient.open(second.base, 'general', { lastEventId: client.lastEventId })
    await say(second, '131')
    expect(await texts(resumed, 11)).toEqual(numbers(121, 131))
  })

  it('a stream on SQLite has a gap where the file keeps entries no longer', async () => {
    const served = await serveApi({ backplane: sqlite({ file: newFile(), retention: { count: 5 } }) })
    const { base } = served
    const first = await SseClient.open(base, 'general')
    await say(served, '1')
    await texts(first, 1)
    first.cut()
    await say(served, ...numbers(2, 20))
    const gapAfter = async (lastEventId: string) => {
      const client = await SseClient.open(base, 'general', { lastEventId })
      const event = await client.next()
      client.cut()
      return event
    }
    const offset = expect.any(Number)
    await expect
      .poll(() => gapAfter(first.lastEventId))
      .toMatchObject({ type: 'resync', reason: 'gap', offset })
  })
})

describe('on Redis', () => {
  it('a stream on Redis brings what another node publishes, and is resumed on either', async () => {
    const [left, right] = await nodesOnRedis()
    const client = await SseClient.open(right.base, 'general')
    await say(left, ...numbers(1, 10))
    expect(await texts(client, 10)).toEqual(numbers(1, 10))
    client.cut()
    await say(right, ...numbers(11, 130))
    const resumed = await SseClient.open(left.base, 'general', { lastEventId: client.lastEventId })
    await say(right, '131')
    expect(await texts(resumed, 121)).toEqual(numbers(11, 131))
  })

  it('a stream on Redis has a gap where the log keeps entries no longer', async () => {
    const [left, right] = await nodesOnRedis(randomUUID(), { historyCount: 5 })
    const first = await SseClient.open(left.base, 'general')
    await say(left, '1')
    await texts(first, 1)
    first.cut()
    await say(left, ...numbers(2, 20))
    const resumed = await SseClient.open(right.base, 'general', { lastEventId: first.lastEventId })
    expect(await resumed.next()).toMatchObject({ type: 'resync', reason: 'gap', offset: 15 })
    expect(await texts(resumed, 5)).toEqual(numbers(16, 20))
  })

  it('a stream outlives an outage of Redis with its heartbeat, and misses nothing', async () => {
    const own = await RedisServer.start({ durable: true })
    onTestFinished(() => own.remove())
    const [left, right] = await nodesOnRedis(undefined, { url: own.url })
    const client = await SseClient.open(right.base, 'general')
    await say(left, 'before')
    expect(await texts(client, 1)).toEqual(['before'])
    await own.kill()
    expect(await right.call('GET', '/rooms/general/stream')).toMatchObject({
      status: 503,
      body: { code: 'unavailable' },
    })
    const { comments } = client
    await client.until(() => client.comments > comments + 2)
    await own.start()
    const isSent = () =>
      left.call('POST', '/rooms/general/messages', { message: 'after' }, { 'Idempotency-Key': 'a' })
    await expect.poll(async () => (await isSent()).status, { timeout: 15_000 }).toBe(200)
    expect(await texts(client, 1)).toEqual(['after'])
  })

  it('a stream says so when Redis comes back without what it had, and goes on with the new log', async () => {
    const own = await RedisServer.start()
    onTestFinished(() => own.remove())
    const [left, right] = await nodesOnRedis(undefined, { url: own.url })
    const client = await SseClient.open(right.base, 'general')
    await say(left, 'before')
    expect(await texts(client, 1)).toEqual(['before'])
    await own.restart()
    const isSent = () =>
      left.call('POST', '/rooms/general/messages', { message: 'after' }, { 'Idempotency-Key': 'a' })
    await expect.poll(async () => (await isSent()).status, { timeout: 15_000 }).toBe(200)
    expect(await client.next()).toMatchObject({ type: 'resync', reason: 'epoch_changed', offset: 0 })
    expect(await texts(client, 1)).toEqual(['after'])
  })
})
