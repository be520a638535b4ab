import { redis } from '@roomful/server/redis'
import { expect, it, onTestFinished } from 'vitest'
import { connectExtended } from '../../../../../test/support/connect.js'
import { RedisServer } from '../../../../../test/support/redis.js'
import type { WireClient } from '../../../../../test/support/wire-client.js'
import { serve } from '../../../../../test/support/wire-server.js'

const TIMEOUT_MS = 200
const STALL_MS = 700

/** Sends until it is acknowledged, as a client's outbox does. Returns the offset, and the codes of the refusals before it. */
async function sendUntilAcked(client: WireClient, message: string) {
  const refusals: unknown[] = []
  const isAnswer = ({ type, client_id }: WireClient['frames'][number]) =>
    client_id === message && (type === 'ack' || type === 'error')
  for (let attempts = 1; attempts < 500; attempts++) {
    client.send({ type: 'chat_message', room_id: 'r', message, client_id: message })
    while (client.frames.filter(isAnswer).length < attempts)
      await new Promise((resolve) => setImmediate(resolve))
    const answer = client.frames.filter(isAnswer).at(-1)
    if (answer?.type === 'ack') return { offset: Number(answer.offset), refusals }
    refusals.push(answer?.code)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`'${message}' was refused for ever`)
}

const stalls: Record<string, (store: RedisServer) => Promise<void>> = {
  'pauses its clients': async (store) => void (await store.command('CLIENT', 'PAUSE', `${STALL_MS}`, 'ALL')),
  'is busy with a slow command': async (store) =>
    void store.command('DEBUG', 'SLEEP', `${STALL_MS / 1_000}`).catch(() => undefined),
  'stops, and goes on': async (store) => {
    store.pause()
    setTimeout(() => store.resume(), STALL_MS)
  },
  'stops, and is killed': async (store) => {
    store.pause()
    setTimeout(() => void store.restart(), STALL_MS)
  },
}

it.each(Object.keys(stalls))(
  '[M7] [M11] a Redis that %s in the middle of messages costs, doubles and loses none',
  async (name) => {
    const store = await RedisServer.start({ durable: true, args: ['--enable-debug-command', 'local'] })
    onTestFinished(() => store.remove())
    const backplane = () => redis({ url: store.url, commandTimeoutMs: TIMEOUT_MS })
    const limits = { messagesPerSecond: 1_000, messagesBurst: 1_000 }
    const servers = [
      await serve({ backplane: backplane(), limits }),
      await serve({ backplane: backplane(), limits }),
    ]
    const clients = await Promise.all(servers.map(({ url }) => connectExtended(url)))
    for (const client of clients) await client.join('r')
    const sent = clients.map(async (client, who) => {
      const results: Awaited<ReturnType<typeof sendUntilAcked>>[] = []
      for (let n = 0; n < 30; n++) {
        if (who === 0 && n === 10) await stalls[name]?.(store)
        results.push(await sendUntilAcked(client, `${who}-${n}`))
      }
      return results
    })
    const results = (await Promise.all(sent)).flat()
    const refusals = new Set(results.flatMap((result) => result.refusals))
    expect(refusals).toEqual(new Set(['unavailable']))
    const { messages } = (await servers[0]?.server.room('r').history({ limit: 100 })) ?? { messages: [] }
    expect(messages.map(({ offset }) => offset)).toEqual(Array.from({ length: 60 }, (_, n) => n + 1))
    expect(new Set(messages.map((entry) => entry.type === 'chat_message' && entry.client_id)).size).toBe(60)
    expect(results.map(({ offset }) => offset).sort((a, b) => a - b)).toEqual(
      messages.map(({ offset }) => offset),
    )
    for (const client of clients)
      await expect
        .poll(() => client.frames.filter(({ type }) => type === 'chat_message').map(({ offset }) => offset), {
          timeout: 12_000,
        })
        .toEqual(Array.from({ length: 60 }, (_, n) => n + 1))
  },
)
