import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineProtocol } from '@roomful/protocol'
import { type Backplane, memory, RoomfulError, refuse, type ServerOptions, type User } from '@roomful/server'
import { redis } from '@roomful/server/redis'
import { sqlite } from '@roomful/server/sqlite'
import { createTestServer } from '@roomful/server/testing'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import * as z from 'zod/mini'
import { connect, connectExtended } from '../support/connect.js'
import { serveApi } from '../support/http-api.js'
import { RedisServer } from '../support/redis.js'
import { serve } from '../support/wire-server.js'

const protocol = defineProtocol({ server: { noted: z.object({ n: z.number() }) } })

let store: RedisServer
beforeAll(async () => {
  store = await RedisServer.start()
})
afterAll(() => store.remove())

const backplanes: Readonly<Record<string, () => Backplane>> = {
  memory,
  sqlite: () => {
    const folder = mkdtempSync(join(tmpdir(), 'roomful-snapshot-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    return sqlite({ file: join(folder, 'chat.db') })
  },
  redis: () => redis({ url: store.url, prefix: randomUUID() }),
}
const names = Object.keys(backplanes)
const create = (name: string): Backplane => backplanes[name]?.() ?? memory()

/** The operations of a snapshot and a join. */
const OPERATIONS: readonly (string | symbol)[] = ['read', 'present', 'subscribe', 'enter']

/** A backplane that waits for `step` before and after each of these operations. */
function stepping(backplane: Backplane, step: () => Promise<void>): Backplane {
  return new Proxy(backplane, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      if (!OPERATIONS.includes(name)) return value.bind(target)
      return async (...args: unknown[]) => {
        await step()
        const result: unknown = await value.apply(target, args)
        await step()
        return result
      }
    },
  })
}

/** A server on which something happens at chosen steps of a snapshot and the join that follows it. */
async function serveStepping(name: string) {
  let happens: (step: number) => Promise<void> = async () => {}
  let steps = 0
  const step = async () => {
    const now = steps++
    await happens(now)
  }
  const { server, url } = await serve({ protocol, backplane: stepping(create(name), step) })
  let published = 0
  const publish = async (roomId: string) => {
    await server.room(roomId).publish({ type: 'noted', n: ++published })
  }
  /** The offsets that a page shows which was rendered with a snapshot, and then joined by its cursor. */
  const render = async (roomId: string, act: (step: number) => Promise<void>) => {
    const client = await connectExtended(url)
    steps = 0
    happens = act
    const { messages, cursor } = await server.room(roomId).snapshot({ as: 'ana' })
    await step()
    const joined = await client.join(roomId, { since: cursor })
    const taken = steps
    happens = async () => {}
    await publish(roomId)
    const { offset } = (await server.room(roomId).info()).head
    const live = () => client.all('noted').at(-1)?.offset === offset
    await client.until(live, 'the last message')
    client.close()
    return {
      steps: taken,
      recovered: joined.recovered,
      offsets: [messages, joined.messages ?? [], client.all('noted')].flatMap((page) =>
        page.map((message) => Number(message.offset)),
      ),
      head: offset,
    }
  }
  return { publish, render }
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

describe.each(names)('a snapshot and a join by its cursor (%s)', (name) => {
  it('a snapshot and a join by its cursor miss nothing and show nothing twice, whenever somebody publishes', async () => {
    const { publish, render } = await serveStepping(name)
    const quiet = await render('quiet', async () => {})
    expect(quiet.steps).toBeGreaterThan(6)
    for (let at = 0; at < quiet.steps; at++) {
      const roomId = `room-${at}`
      for (const _ of upTo(at % 3)) await publish(roomId)
      const { offsets, recovered, head } = await render(roomId, async (step) => {
        if (step === at) await publish(roomId)
      })
      expect({ at, offsets, recovered }).toEqual({ at, offsets: upTo(head), recovered: true })
      expect(head).toBe((at % 3) + 2)
    }
  })

  it('a snapshot and a join by its cursor miss nothing and show nothing twice, if somebody publishes all the time', async () => {
    const { publish, render } = await serveStepping(name)
    const { offsets, recovered, head } = await render('busy', () => publish('busy'))
    expect({ offsets, recovered }).toEqual({ offsets: upTo(head), recovered: true })
    expect(head).toBeGreaterThan(6)
  })

  it('a snapshot of a room that holds nothing is empty, and a join continues from it', async () => {
    const { server, url } = await serve({ protocol, backplane: create(name) })
    const snapshot = await server.room('new').snapshot({ as: 'ana' })
    expect(snapshot).toMatchObject({
      messages: [],
      more: false,
      members: [],
      count: 0,
      cursor: { offset: 0 },
    })
    await server.room('new').publish({ type: 'noted', n: 1 })
    const client = await connectExtended(url)
    const joined = await client.join('new', { since: snapshot.cursor })
    expect(joined).toMatchObject({ recovered: true, messages: [{ n: 1, offset: 1 }] })
  })
})

describe.each(names)('a snapshot for a user who is banned (%s)', (name) => {
  it.each(['room', 'server'])('a snapshot is refused to a user who is banned from the %s', async (from) => {
    const { server, url, call } = await serveApi({ protocol, ...byName, backplane: create(name) })
    const room = server.room('general')
    await room.publish({ type: 'noted', n: 1 })
    await (from === 'room' ? room : server).ban('ana', { forMs: 60_000 })
    const error: unknown = await room.snapshot({ as: 'ana' }).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'banned', retryAfterMs: expect.any(Number) })
    if (from === 'room') {
      const ana = await connect(url)
      await ana.authenticate({ token: 'ana' })
      const { code, message } = await ana.ask({ type: 'join', room_id: 'general' }, 'error')
      expect(error).toMatchObject({ code, message })
    }
    const answer = await call('GET', '/rooms/general/snapshot?as=ana')
    expect(answer).toMatchObject({ status: 403, body: { code: 'banned' } })
    expect(JSON.stringify(answer.body)).not.toContain('noted')
    expect((await room.snapshot({ as: 'bob' })).messages).toHaveLength(1)
    await (from === 'room' ? room : server).unban('ana')
    expect((await room.snapshot({ as: 'ana' })).messages).toHaveLength(1)
  })
})

describe('a snapshot', () => {
  it('a snapshot has the newest messages up to its limit, and the members as a join lists them', async () => {
    const { server, url } = await serve({ protocol, ...byName })
    for (const n of upTo(5)) await server.room('general').publish({ type: 'noted', n })
    const bob = await connectExtended(url, { token: 'bob' })
    const joined = await bob.join('general', { history: 2 })
    const { messages, more, members, count, cursor } = await server
      .room('general')
      .snapshot({ as: 'ana', limit: 2 })
    expect({ messages, members, count }).toEqual({
      messages: joined.messages,
      members: joined.members,
      count: joined.count,
    })
    expect(more).toBe(true)
    expect(cursor).toEqual({ epoch: joined.epoch, offset: 5, id: joined.messages?.at(-1)?.id })
    expect(JSON.parse(JSON.stringify(members))).toEqual([{ user_id: 'bob', profile: { name: 'BOB' } }])
  })

  it('a snapshot of messages that are gone has their end as its cursor', async () => {
    const { server, clock, connect } = await createTestServer({
      protocol,
      backplane: memory({ historyMs: 1_000 }),
    })
    await server.room('r').publish({ type: 'noted', n: 1 })
    await clock.advance(5_000)
    const { messages, cursor } = await server.room('r').snapshot({ as: 'ana' })
    expect({ messages, cursor }).toMatchObject({ messages: [], cursor: { offset: 1 } })
    const joined = await (await connect()).join('r', { since: cursor })
    expect(joined).toMatchObject({ recovered: true, messages: [] })
  })
})

/** Users are who they say they are, and may do what `authorize` says. */
const byName = {
  authenticate: ({ token = 'nobody' }: { token?: string | undefined }) => ({
    userId: token,
    profile: { name: token.toUpperCase() },
    data: { isEditor: token === 'ed' },
  }),
  authorize: (): boolean => true,
}
type Authorize = NonNullable<ServerOptions<typeof protocol>['authorize']>

describe('who sees a snapshot', () => {
  const refusals: readonly (readonly [string, string, Authorize])[] = [
    ['returns false', 'forbidden', () => false],
    [
      'refuses with a code of its own',
      'not_yet',
      () => {
        throw refuse('not_yet', 'The doors open at eight', { retryAfterMs: 60_000 })
      },
    ],
    [
      'throws',
      'unavailable',
      () => {
        throw new Error('The table of members is away')
      },
    ],
  ]

  it.each(refusals)('a snapshot is refused as the join is if authorize %s', async (_, code, authorize) => {
    const { server, url, call } = await serveApi({ protocol, ...byName, authorize })
    await server.room('general').publish({ type: 'noted', n: 1 })
    const ana = await connectExtended(url, { token: 'ana' })
    const refused = await ana.ask({ type: 'join', room_id: 'general' }, 'error')
    const error: unknown = await server
      .room('general')
      .snapshot({ as: 'ana' })
      .catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(RoomfulError)
    const { message, retry_after_ms } = refused
    expect(error).toMatchObject({ code, message, retryAfterMs: retry_after_ms })
    expect(refused.code).toBe(code)
    const answer = await call('GET', '/rooms/general/snapshot?as=ana')
    expect(answer).toMatchObject({ status: (error as RoomfulError).status, body: { code } })
    expect(Object(answer.body).retry_after_ms).toBe(retry_after_ms)
    expect(JSON.stringify(answer.body)).not.toContain('noted')
  })

  it('a snapshot asks authorize about the join of its user, whom it gets as the caller knows them', async () => {
    const asked: object[] = []
    const { server } = await serve({
      protocol,
      ...byName,
      authorize(question) {
        asked.push(question)
        return true
      },
    })
    const room = server.room('general')
    await room.snapshot({ as: '17' })
    await room.snapshot({ as: { id: 'ed', profile: { name: 'ED' }, data: { isEditor: true } } })
    expect(asked).toEqual([
      { user: { id: '17', data: undefined }, action: 'join', roomId: 'general' },
      {
        user: { id: 'ed', profile: { name: 'ED' }, data: { isEditor: true } },
        action: 'join',
        roomId: 'general',
      },
    ])
  })

  it('a snapshot for the server itself asks nobody', async () => {
    const { server } = await serve({ protocol, ...byName, authorize: () => false })
    await server.room('general').publish({ type: 'noted', n: 1 })
    expect((await server.room('general').snapshot({ as: '@server' })).messages).toHaveLength(1)
  })

  it('a snapshot of @me is for its own user alone', async () => {
    const seen: unknown[] = []
    const { server, url } = await serve({
      protocol,
      ...byName,
      on: {
        async join({ room }) {
          for (const as of ['ana', 'bob', 'ana'])
            seen.push(
              await room.snapshot({ as }).then(
                ({ messages }) => messages.length,
                (error: RoomfulError) => error.code,
              ),
            )
        },
      },
    })
    await server.user('ana').publish({ type: 'noted', n: 1 })
    await (await connectExtended(url, { token: 'ana' })).join('@me')
    expect(seen).toEqual([1, 'forbidden', 1])
  })

  it.each([
    [undefined, /pass an object of options/],
    [{}, /as is missing; name the user/],
    [{ as: undefined }, /as is undefined/],
    [{ as: '' }, /as must be a user id/],
    [{ as: '@sever' }, /as must be a user id/],
    [{ as: 17 }, /as must be a user id/],
    [{ as: { data: {} } }, /as.id is missing/],
    [{ as: { id: '@server' } }, /as.id must be a user id/],
    [{ as: { id: 'ana', dat: {} } }, /no option 'as.dat'; did you mean 'data'/],
    [{ as: 'ana', limit: -1 }, /limit must be a whole number/],
    [{ as: 'ana', limt: 1 }, /no option 'limt'; did you mean 'limit'/],
  ])('a snapshot with the options %j is a TypeError', async (options, says) => {
    const { server } = await serve({ protocol })
    const room = server.room('a') as unknown as { snapshot(options: unknown): Promise<unknown> }
    const error: unknown = await room.snapshot(options).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(TypeError)
    expect(String(error)).toMatch(says)
  })
})

describe('a snapshot by HTTP', () => {
  it('a snapshot by HTTP is what the server’s own call gives', async () => {
    const users: User[] = []
    const { server, url, call } = await serveApi({
      protocol,
      ...byName,
      authorize({ user }) {
        users.push(user)
        return true
      },
    })
    for (const n of upTo(3)) await server.room('r').publish({ type: 'noted', n })
    await (await connectExtended(url, { token: 'bob' })).join('r')
    const { status, body } = await call('GET', '/rooms/r/snapshot?as=17&limit=2')
    expect(status).toBe(200)
    const shown = JSON.parse(JSON.stringify(await server.room('r').snapshot({ as: '17', limit: 2 })))
    expect(body).toEqual({ ...shown, last_event_id: expect.any(String) })
    expect(users.map(({ id }) => id)).toEqual(['bob', '17', '17'])
    expect((await call('GET', '/rooms/r/snapshot?as=@server')).status).toBe(200)
  })

  it.each([
    ['', 'invalid_request', /as: It is missing/],
    ['?as=', 'invalid_request', /as: .*does not begin with @/],
    ['?as=@ana', 'invalid_request', /as: .*does not begin with @/],
    ['?as=ana&limit=0', 'invalid_request', /limit/],
    ['?as=ana&limit=1001', 'invalid_request', /limit/],
    ['?as=ana&before=3', 'invalid_request', /before: There is no such field/],
  ])('a snapshot by HTTP with the query %j gets 400 in words', async (query, code, words) => {
    const { call } = await serveApi({ protocol })
    const answer = await call('GET', `/rooms/r/snapshot${query}`)
    expect(answer).toMatchObject({ status: 400, body: { code, detail: expect.stringMatching(words) } })
  })
})
