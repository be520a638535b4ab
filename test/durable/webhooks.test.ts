import { join } from 'node:path'
import type { WebhookEndpoint } from '@roomful/server'
import { expect, it, onTestFinished, vi } from 'vitest'
import { connectExtended } from '../support/connect.js'
import { RedisServer } from '../support/redis.js'
import { StoreServer, type StoreServerOptions } from '../support/store-server.js'
import { accept, SECRET, status, WebhookReceiver } from '../support/webhook-receiver.js'
import { temporaryFolder } from './disk-stage.js'

const ROOMS = ['a', 'b', 'c']

async function startServer(options: StoreServerOptions): Promise<StoreServer> {
  const server = await StoreServer.start(options)
  onTestFinished(() => server.kill())
  return server
}

/** A receiver that now and then fails, and can keep its answers to itself, so that a kill finds requests under way. */
class Endpoint {
  #isHolding = false
  #requests = 0

  private constructor(readonly receiver: WebhookReceiver) {}

  static async start(): Promise<Endpoint> {
    const endpoint = new Endpoint(await WebhookReceiver.start())
    endpoint.receiver.answer = (one, response) => {
      if (endpoint.#isHolding) return
      const answer = ++endpoint.#requests % 7 === 0 ? status(500) : accept
      answer(one, response)
    }
    return endpoint
  }

  /** Answers nothing while something is done, which begins once a request waits for its answer. */
  async holding(act: () => Promise<void>): Promise<void> {
    const { length } = this.receiver.received
    this.#isHolding = true
    await vi.waitUntil(() => this.receiver.received.length > length, { timeout: 20_000 })
    await act()
    this.#isHolding = false
  }

  /** What has arrived: each message by the first request for it, in the order of arrival. */
  get arrivals(): Map<string, { readonly room: string; readonly offset: number }> {
    const first = new Map()
    for (const { id, text } of this.receiver.received) {
      const { room_id: room, offset } = JSON.parse(text).data
      if (!first.has(id)) first.set(id, { room, offset })
    }
    return first
  }

  /** All of these have arrived, and in each room nothing was passed over. */
  async expectAll(acked: readonly string[]): Promise<void> {
    await vi.waitUntil(() => acked.every((id) => this.arrivals.has(id)), { timeout: 60_000 })
    const places = [...this.arrivals.values()]
    expect(places).toHaveLength(acked.length)
    for (const room of ROOMS) {
      const offsets = places.filter((place) => place.room === room).map(({ offset }) => offset)
      expect(offsets).toEqual(offsets.map((_, index) => index + 1))
    }
  }
}

const endpointOf = ({ receiver }: Endpoint): WebhookEndpoint => ({
  url: receiver.url,
  secret: SECRET,
  from: 'oldest',
  retryMs: 200,
})

/** Sends messages to every room; returns the ids of those that were acknowledged. */
async function talk(port: number, count: number): Promise<string[]> {
  const client = await connectExtended(`ws://127.0.0.1:${port}/`)
  for (const room of ROOMS) await client.join(room)
  const acked: string[] = []
  for (let n = 0; n < count; n++)
    for (const room of ROOMS) acked.push((await client.chat(room, `text ${n}`)).id)
  client.close(1000)
  return acked
}

/** How many messages a node has sent. */
async function delivered(server: StoreServer): Promise<number> {
  const [, count] = /^roomful_webhooks_delivered_total\{.*\} (\d+)$/m.exec(await server.metrics()) ?? []
  return Number(count ?? 0)
}

it('webhooks of a server on SQLite that is killed again and again miss nothing, in the order of each room', {
  timeout: 120_000,
}, async () => {
  const endpoint = await Endpoint.start()
  const options = { file: join(temporaryFolder(), 'chat.db') }
  const server = await startServer({ store: 'sqlite', options, webhooks: [endpointOf(endpoint)] })
  const acked: string[] = []
  for (let round = 0; round < 4; round++) {
    const talking = talk(server.port, 20)
    await endpoint.holding(async () => {
      acked.push(...(await talking))
      await server.kill()
    })
    await server.restart()
  }
  await endpoint.expectAll(acked)
  expect(await server.faults()).toBe(0)
})

it('webhooks of two nodes on one Redis come from one at a time, and go on from the other when that one is killed', {
  timeout: 120_000,
}, async () => {
  const redis = await RedisServer.start()
  onTestFinished(() => redis.remove())
  const endpoint = await Endpoint.start()
  const options = { url: redis.url, changes: {} }
  const start = () => startServer({ store: 'redis', options, webhooks: [endpointOf(endpoint)] })
  const [left, right] = [await start(), await start()]
  const acked = [...(await talk(left.port, 10)), ...(await talk(right.port, 10))]
  await endpoint.expectAll(acked)
  await expect.poll(async () => (await delivered(left)) + (await delivered(right))).toBe(acked.length)
  const [holder, other] = (await delivered(left)) > 0 ? [left, right] : [right, left]
  expect(await delivered(other)).toBe(0)
  const talking = talk(other.port, 20)
  await endpoint.holding(async () => {
    acked.push(...(await talking))
    await holder.kill()
  })
  await endpoint.expectAll(acked)
})
