import { defineProtocol, RoomfulError, request, volatile } from '@roomful/protocol'
import { type Chat, memory } from '@roomful/server'
import { createTestServer, newNetwork } from '@roomful/server/testing'
import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { connectExtended, connect as dial } from '../support/connect.js'
import { serveApi } from '../support/http-api.js'
import { SseClient } from '../support/sse-client.js'
import { serve, until } from '../support/wire-server.js'

const protocol = defineProtocol({
  client: { dance: request(z.object({}), z.object({ steps: z.number() })) },
  server: { hello: volatile(z.object({})) },
})

/** Samples of Prometheus' text format, by name and labels. */
function samples(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  for (const line of lines) expect(line).toMatch(/^[a-z_]+(\{[a-z_]+="[^"]*"\})? [\d.e+-]+$/)
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]))
}

describe('metrics', () => {
  it('metrics count what the server does, in Prometheus’ text format, each with its help and type', async () => {
    const { url, server } = await serve()
    const [ana, bob] = [await dial(url), await dial(url)]
    for (const client of [ana, bob]) await client.join('lobby')
    await ana.chat('lobby', 'hi', { client_id: 'c' })
    await ana.chat('lobby', 'hi', { client_id: 'c' })
    await bob.next('chat_message')
    await ana.refusal({ type: 'dance' })
    bob.close(4321)
    await ana.next('user_left')
    await until(() => server.stats().connections === 1)
    const text = server.metrics()
    const got = samples(text)
    expect(Object.fromEntries(got)).toMatchObject({
      roomful_connections: 1,
      roomful_users: 1,
      roomful_rooms: 1,
      roomful_members: 1,
      roomful_messages_in_total: 5,
      roomful_published_total: 1,
      roomful_duplicates_total: 1,
      'roomful_errors_total{code="unknown_type"}': 1,
      'roomful_closes_total{code="other"}': 1,
      roomful_ready: 1,
      roomful_connections_limit: 10_000,
      roomful_backlog_limit_bytes: 256 * 2 ** 20,
      roomful_ack_duration_seconds_count: 2,
      roomful_commit_duration_seconds_count: 2,
      roomful_commit_failures_total: 0,
    })
    expect(got.get('roomful_backlog_bytes')).toBeGreaterThanOrEqual(0)
    expect(got.get('roomful_fan_outs_total')).toBeGreaterThan(0)
    expect(got.get('roomful_fan_out_duration_seconds_count')).toBeGreaterThan(0)
    const families = [...got.keys()].map((key) =>
      key.replace(/\{.*|_(bucket|sum|count)$/g, '').replace(/_bucket$/, ''),
    )
    for (const name of new Set(families)) {
      expect(text).toContain(`# HELP ${name} `)
      expect(text).toContain(`# TYPE ${name} `)
    }
  })

  it('metrics count every message to a client, whatever sends it', async () => {
    const { url, server } = await serve({
      protocol,
      on: { join: (context) => context.connection.broadcast({ type: 'hello' }) },
      handle: { dance: () => ({ steps: 3 }) },
    })
    const clients = [await connectExtended(url), await dial(url)] as const
    const [ana, bob] = clients
    for (const client of clients) await client.join('lobby')
    await ana.chat('lobby', 'hi', { client_id: 'c' })
    await bob.next('chat_message')
    await ana.ask({ type: 'history' }, 'history')
    await ana.ask({ type: 'dance', ref: 'r' }, 'reply')
    await ana.refusal({ type: 'sing' })
    server.room('lobby').broadcast({ type: 'hello' })
    server.broadcast({ type: 'hello' })
    await bob.ask({ type: 'leave' }, 'left')
    for (const client of clients) await client.settled()
    const received = clients.reduce((sum, { frames }) => sum + frames.length, 0)
    expect(received).toBeGreaterThan(20)
    expect(samples(server.metrics()).get('roomful_frames_out_total')).toBe(received)
  })

  it('metrics tell how long messages wait for their ack, and how much of it is the commit', async () => {
    const network = newNetwork()
    const { clock } = network
    const wait = (ms: number) => new Promise<void>((resolve) => void clock.after(ms, resolve))
    const backplane = memory()
    const publish = backplane.publish.bind(backplane)
    backplane.publish = (stream, draft) => wait(20).then(() => publish(stream, draft))
    const chat_message = (_: unknown, chat: Chat) => wait(2_000).then(() => chat)
    const { server, connect } = await createTestServer({ backplane, handle: { chat_message } }, { network })
    const ana = await connect()
    await ana.join('lobby')
    for (const client_id of ['a', 'b'])
      ana.send({ type: 'chat_message', room_id: 'lobby', message: 'hi', client_id })
    await clock.advance(5_000)
    const got = samples(server.metrics())
    // The second message waits behind the first: 2.02 s and 4.04 s.
    expect(Object.fromEntries(got)).toMatchObject({
      'roomful_ack_duration_seconds_bucket{le="1"}': 0,
      'roomful_ack_duration_seconds_bucket{le="2.5"}': 1,
      'roomful_ack_duration_seconds_bucket{le="5"}': 2,
      'roomful_commit_duration_seconds_bucket{le="0.01"}': 0,
      'roomful_commit_duration_seconds_bucket{le="0.025"}': 2,
    })
  })

  it('metrics count a message that the log could not take', async () => {
    const backplane = memory()
    backplane.publish = () => Promise.reject(new RoomfulError('unavailable'))
    const { url, server } = await serve({ backplane })
    const ana = await dial(url)
    await ana.join('lobby')
    await ana.refusal({ type: 'chat_message', room_id: 'lobby', message: 'hi', client_id: 'c' })
    await expect(server.room('lobby').chat.send('hi')).rejects.toThrow()
    const got = samples(server.metrics())
    expect(got.get('roomful_commit_failures_total')).toBe(2)
    expect(got.get('roomful_commit_duration_seconds_count')).toBe(0)
  })

  it('metrics count the answers of an HTTP API by the class of their status, and show its open streams', async () => {
    const { server, base, call } = await serveApi(
      {},
      {
        authenticate: ({ headers }) => {
          if (headers.has('x-outage')) throw new Error('The table of keys is away')
          return true
        },
      },
    )
    const shown = () => {
      const got = samples(server.metrics())
      const answers = ['2xx', '4xx', '5xx'].map((status) =>
        got.get(`roomful_http_answers_total{status="${status}"}`),
      )
      return [...answers, got.get('roomful_http_streams')]
    }
    expect(shown()).toEqual([0, 0, 0, 0])
    await call('GET', '/rooms')
    await call('POST', '/users/ana/disconnect')
    await call('GET', '/nowhere')
    await call('GET', '/rooms', undefined, { 'x-outage': 'yes' })
    const streams = [await SseClient.open(base, 'a'), await SseClient.open(base, 'b')]
    expect(shown()).toEqual([4, 1, 1, 2])
    streams[0]?.cut()
    await until(() => shown()[3] === 1)
    await server.close()
    expect(shown()).toEqual([4, 1, 1, 0])
  })

  it('metrics hold no more codes than the table, whatever applications throw and clients send', async () => {
    const { url, server } = await serve({
      on: {
        message: () => {
          throw Object.assign(new Error('"} 1\ninjected 1'), { code: 'x' })
        },
      },
    })
    const ana = await dial(url)
    await ana.refusal({ type: 'join', room_id: 'lobby' })
    await ana.refusal({ type: 'dance"} 1\ninjected 1' })
    expect(samples(server.metrics()).has('injected')).toBe(false)
  })
})
