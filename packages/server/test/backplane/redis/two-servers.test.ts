import { randomUUID } from 'node:crypto'
import { defineProtocol, volatile } from '@roomful/protocol'
import { createServer, silentLogger } from '@roomful/server'
import { redis } from '@roomful/server/redis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import * as z from 'zod/mini'
import { connectExtended } from '../../../../../test/support/connect.js'
import { RedisServer } from '../../../../../test/support/redis.js'
import type { WireClient } from '../../../../../test/support/wire-client.js'
import { serve, until } from '../../../../../test/support/wire-server.js'

let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start({ durable: true })
})
afterAll(() => server.remove())

const users = {
  protocol: defineProtocol({
    server: { notice: volatile(z.object({ text: z.string() })), letter: z.object({ text: z.string() }) },
  }),
  authenticate: ({ token }: { token: string | undefined }) => ({ userId: token ?? '' }),
  authorize: () => true,
}

/** Two servers on one Redis, with Ana on the one and Bob on the other. */
async function pair(prefix = randomUUID()) {
  const backplane = () => redis({ url: server.url, prefix, headCheckMs: 500 })
  const [left, right] = [
    await serve({ ...users, backplane: backplane() }),
    await serve({ ...users, backplane: backplane() }),
  ]
  const ana = await connectExtended(left.url, { token: 'ana' })
  const bob = await connectExtended(right.url, { token: 'bob' })
  return { left, right, ana, bob }
}

async function pairInLobby() {
  const both = await pair()
  await both.ana.join('lobby')
  await both.bob.join('lobby')
  return both
}

describe('two servers on one Redis', () => {
  it('[M10] [J6] two servers on one Redis have one room, one history and one list of members', async () => {
    const { left, right, ana, bob } = await pair()
    await ana.join('lobby')
    const ack = await ana.chat('lobby', 'hello')
    const joined = await bob.join('lobby', { history: 10 })
    expect(joined.messages?.map(({ offset }) => offset)).toEqual([ack.offset])
    expect(joined.members?.map(({ user_id }) => user_id).sort()).toEqual(['ana', 'bob'])
    expect(await ana.next('presence')).toMatchObject({ event: 'enter', members: [{ user_id: 'bob' }] })
    await bob.chat('lobby', 'hi')
    const [, live] = [await ana.next('chat_message'), await ana.next('chat_message')]
    expect(live).toMatchObject({ message: 'hi', user_id: 'bob', offset: ack.offset + 1 })
    const infos = await Promise.all([left, right].map((one) => one.server.room('lobby').info()))
    expect(infos.map(({ count, connections }) => [count, connections])).toEqual([
      [2, 1],
      [2, 1],
    ])
    expect(infos[0]?.head).toEqual(infos[1]?.head)
  })

  it('two servers on one Redis list their own rooms, with the users of both', async () => {
    const { left, right, ana, bob } = await pairInLobby()
    await ana.next('presence')
    const tablet = await connectExtended(right.url, { token: 'ana' })
    await ana.join('attic')
    // Ana is there already, so nobody is told.
    await tablet.join('attic')
    const rooms = [
      { roomId: 'attic', count: 1, connections: 1 },
      { roomId: 'lobby', count: 2, connections: 1 },
    ]
    for (const { server } of [left, right]) expect(await server.listRooms()).toEqual({ rooms, more: false })
    await bob.ask({ type: 'leave', room_id: 'lobby' }, 'left')
    expect(await right.server.listRooms()).toEqual({ rooms: rooms.slice(0, 1), more: false })
  })

  it('resume on the one what began on the other', async () => {
    const { left, right, ana, bob } = await pairInLobby()
    await ana.vanish()
    const last = await bob.chat('lobby', 'while you were away')
    const again = await connectExtended(right.url, { token: 'ana' })
    const since = { epoch: last.epoch, offset: 0, id: last.epoch }
    const joined = await again.join('lobby', { since })
    expect([joined.recovered, joined.messages?.length, joined.count]).toEqual([true, 1, 2])
    const third = await connectExtended(left.url, { token: 'cleo' })
    expect((await third.join('lobby', { since: { ...since, id: 'another' } })).recovered).toBe(false)
  })

  it('[T1] two servers on one Redis tell each other who is typing', async () => {
    const { ana, bob } = await pairInLobby()
    ana.send({ type: 'typing_start' })
    expect(await bob.next('user_typing')).toMatchObject({ user_id: 'ana', room_id: 'lobby' })
    await ana.chat('lobby', 'done')
    expect(await bob.next('user_stopped_typing')).toMatchObject({ user_id: 'ana' })
    await ana.never('user_typing')
  })

  it('two servers on one Redis reach a user, a room and everyone, wherever they are connected', async () => {
    const { left, ana, bob } = await pairInLobby()
    const notice = async (text: string, whom: readonly WireClient[]) => {
      for (const client of whom) expect(await client.next('notice')).toMatchObject({ text })
    }
    left.server.user('bob').broadcast({ type: 'notice', text: 'to Bob' })
    await notice('to Bob', [bob])
    left.server.room('lobby').broadcast({ type: 'notice', text: 'to the lobby' })
    await notice('to the lobby', [ana, bob])
    left.server.room('lobby').broadcast({ type: 'notice', text: 'not to Ana' }, { except: { user: 'ana' } })
    await notice('not to Ana', [bob])
    left.server.rooms(['lobby', 'hall']).broadcast({ type: 'notice', text: 'to both rooms' })
    await notice('to both rooms', [ana, bob])
    left.server.broadcast({ type: 'notice', text: 'to everyone' })
    await notice('to everyone', [ana, bob])
    await ana.never('notice')
    await bob.never('notice')
  })

  it('two servers on one Redis keep what is published to a user, for all of their connections', async () => {
    const { left, right, bob } = await pair()
    await bob.join('@me')
    const { offset } = await left.server.user('bob').publish({ type: 'letter', text: 'dear Bob' })
    expect(await bob.next('letter')).toMatchObject({ text: 'dear Bob', room_id: '@me', offset })
    const phone = await connectExtended(left.url, { token: 'bob' })
    expect((await phone.join('@me', { history: 10 })).messages).toMatchObject([{ text: 'dear Bob' }])
    expect((await right.server.user('bob').history()).messages).toHaveLength(1)
  })

  it('two servers on one Redis reach the users of the other if one of them never listens, as in a worker', async () => {
    const prefix = randomUUID()
    const backplane = () => redis({ url: server.url, prefix })
    const { url } = await serve({ ...users, backplane: backplane() })
    const bob = await connectExtended(url, { token: 'bob' })
    await bob.join('lobby')
    const worker = createServer({ ...users, backplane: backplane(), logger: silentLogger })
    const { offset } = await worker.room('lobby').publish({ type: 'letter', text: 'from a worker' })
    expect(await bob.next('letter')).toMatchObject({ text: 'from a worker', offset })
    expect((await worker.room('lobby').snapshot({ as: 'bob' })).members).toMatchObject([{ user_id: 'bob' }])
    await worker.close()
    await bob.chat('lobby', 'still here')
  })

  it('two servers on one Redis remove and disconnect a user on every node', async () => {
    const { left, ana, bob } = await pairInLobby()
    left.server.room('lobby').kick('bob')
    expect(await bob.next('left')).toMatchObject({ room_id: 'lobby', reason: 'kicked' })
    await bob.join('lobby')
    left.server.user('bob').disconnect()
    expect(await bob.closed).toMatchObject({ code: 4501 })
    await until(
      () => ana.frames.filter(({ type, event }) => type === 'presence' && event === 'leave').length > 0,
    )
  })

  it('[C10] [C11] two servers on one Redis know each other’s anonymous users', async () => {
    const prefix = randomUUID()
    const [left, right] = [
      await serve({ backplane: redis({ url: server.url, prefix }) }),
      await serve({ backplane: redis({ url: server.url, prefix }) }),
    ]
    const first = await connectExtended(left.url)
    const again = await connectExtended(right.url, { session: first.session })
    expect(again.userId).toBe(first.userId)
    const stranger = await serve({ backplane: redis({ url: server.url, prefix: randomUUID() }) })
    expect((await connectExtended(stranger.url, { session: first.session })).userId).not.toBe(first.userId)
  })

  it('[H1] [J6] two servers on one Redis lose and double nothing to joins that race with what is published on the other', async () => {
    const { left, right } = await pair()
    let isOver = false
    const publishing = (async () => {
      for (let n = 0; !isOver; n++) await left.server.room('busy').publish({ type: 'letter', text: `${n}` })
    })()
    for (let round = 0; round < 100; round++) {
      const client = await connectExtended(right.url, { token: `reader-${round}` })
      const joined = await client.join('busy', { history: 5 })
      const live = () => client.frames.filter(({ type }) => type === 'letter')
      await until(() => live().length >= 3)
      const offsets = [...(joined.messages ?? []), ...live()].map(({ offset }) => Number(offset))
      expect(offsets).toEqual(offsets.map((_, index) => (offsets[0] ?? 0) + index))
      client.close()
    }
    isOver = true
    await publishing
  })
})

it('[E16] a Redis that is away costs nobody the connection, and senders are told when to try again', async () => {
  const own = await RedisServer.start({ durable: true })
  onTestFinished(() => own.remove())
  const { server: node, url } = await serve({ ...users, backplane: redis({ url: own.url }) })
  const [ana, bob] = [
    await connectExtended(url, { token: 'ana' }),
    await connectExtended(url, { token: 'bob' }),
  ]
  for (const client of [ana, bob]) await client.join('lobby')
  const before = await ana.chat('lobby', 'before')
  await own.kill()
  await until(() => !node.ready)
  const message = { type: 'chat_message', room_id: 'lobby', message: 'meanwhile', client_id: 'c1' } as const
  expect(await ana.ask(message, 'error')).toMatchObject({ code: 'unavailable', retry_after_ms: 1_000 })
  await own.start()
  await until(() => node.ready)
  const ack = await ana.ask(message, 'ack')
  expect([ack.epoch, ack.offset]).toEqual([before.epoch, before.offset + 1])
  await bob.next('chat_message')
  expect(await bob.next('chat_message')).toMatchObject({ message: 'meanwhile', offset: ack.offset })
})

it('a server waits for its Redis, and is ready when that is', async () => {
  const later = await RedisServer.start()
  onTestFinished(() => later.remove())
  await later.kill()
  const waiting = createServer({ backplane: redis({ url: later.url }), logger: silentLogger })
  const listening = waiting.listen({ port: 0 })
  expect(waiting.ready).toBe(false)
  await later.start()
  await listening
  expect(waiting.ready).toBe(true)
  await waiting.close()
})
