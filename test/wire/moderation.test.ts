import { randomUUID } from 'node:crypto'
import { type Backplane, memory, RoomfulError } from '@roomful/server'
import { redis } from '@roomful/server/redis'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { BAN_NEWS, Keys } from '../../packages/server/src/backplane/redis/keys.js'
import { AMENDING_STORES } from '../support/amending-stores.js'
import { connect, connectExtended } from '../support/connect.js'
import { RedisServer } from '../support/redis.js'
import type { WireClient } from '../support/wire-client.js'
import { gate, serve, until } from '../support/wire-server.js'

const users = {
  authenticate: ({ token }: { token: string | undefined }) => ({ userId: token ?? '' }),
  authorize: () => true,
}

const messageOf = (message: string) => ({
  type: 'chat_message',
  room_id: 'lobby',
  message,
  client_id: randomUUID(),
})

/** A store of an outsider, from before there were restrictions. */
function withoutRestrictions(): Backplane {
  return new Proxy(memory(), {
    get(target, property) {
      if (property === 'restrictions') return undefined
      const value: unknown = Reflect.get(target, property, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

/** A store in which restrictions can become unreadable. */
function unreadable() {
  let isFailing = false
  const backplane = memory()
  const { restrictions } = backplane
  const bannedFor = restrictions?.bannedFor.bind(restrictions)
  Object.defineProperty(restrictions, 'bannedFor', {
    value: async (...args: [string, string]) => {
      if (isFailing) throw new RoomfulError('unavailable')
      return bannedFor?.(...args)
    },
  })
  const fail = (isOn: boolean) => {
    isFailing = isOn
  }
  return { backplane, fail }
}

async function enter(url: string, token: string): Promise<WireClient> {
  const client = await connectExtended(url, { token })
  await client.join('lobby')
  return client
}

/** Two users in the lobby. */
async function pair(backplane: Backplane = memory()) {
  const { server, url } = await serve({ ...users, backplane })
  return {
    server,
    room: server.room('lobby'),
    url,
    ana: await enter(url, 'ana'),
    bob: await enter(url, 'bob'),
  }
}

describe.each(AMENDING_STORES)('on %s, a mute', (_, make) => {
  it('[S1] a mute refuses messages and edits with the time that is left, and nothing else', async () => {
    const { room, ana, bob, url } = await pair(await make())
    const { offset, id } = await ana.chat('lobby', 'before')
    await room.mute('ana', { forMs: 60_000 })
    const refusal = await ana.ask({ ...messageOf('hello'), ref: 'r' }, 'error')
    expect(refusal).toMatchObject({
      code: 'muted',
      room_id: 'lobby',
      ref: 'r',
      client_id: expect.any(String),
    })
    expect(refusal.retry_after_ms).toBeGreaterThan(50_000)
    expect(refusal.retry_after_ms).toBeLessThanOrEqual(60_000)
    const target = { offset, id }
    expect(await ana.refusal({ ...messageOf('edited'), type: 'edit_message', target })).toBe('muted')
    expect(await ana.refusal({ type: 'chat_message', room_id: 'lobby', message: 'no id' })).toBe('muted')
    await bob.chat('lobby', 'bob may')
    const other = await enter(url, 'ana')
    expect(await other.refusal(messageOf('elsewhere'))).toBe('muted')
    await other.join('kitchen')
    await other.chat('kitchen', 'another room')
    await ana.ask({ type: 'delete_message', room_id: 'lobby', target, client_id: randomUUID() }, 'ack')
    const { messages } = await bob.ask({ type: 'history', room_id: 'lobby' }, 'history')
    expect(messages.map(({ message }) => message)).toEqual(['', 'bob may'])
    await room.unmute('ana')
    await ana.chat('lobby', 'again')
  })

  it('[S3] a message that was accepted before a mute is acknowledged when it is repeated', async () => {
    const { room, ana } = await pair(await make())
    const message = messageOf('hello')
    const first = await ana.ask(message, 'ack')
    await room.mute('ana')
    expect(await ana.ask(message, 'ack')).toMatchObject({ offset: first.offset, duplicate: true })
    const refusal = await ana.ask(messageOf('for ever'), 'error')
    expect([refusal.code, refusal.retry_after_ms]).toEqual(['muted', undefined])
  })
})

describe.each(AMENDING_STORES)('on %s, a ban', (_, make) => {
  it('[S2] [J12] a ban removes the user from the room, on every connection, and refuses joins until it ends', async () => {
    const { room, url, ana, bob } = await pair(await make())
    const [second, base] = [await enter(url, 'ana'), await connect(`${url}?token=ana`)]
    await base.join('lobby')
    await room.ban('ana', { forMs: 60_000 })
    for (const client of [ana, second]) {
      const left = await client.next('left')
      expect(left).toMatchObject({ room_id: 'lobby', reason: 'banned', retry_after_ms: expect.any(Number) })
    }
    expect(await base.next('error')).toMatchObject({
      code: 'banned',
      room_id: 'lobby',
      retry_after_ms: expect.any(Number),
    })
    expect(await bob.next('user_left')).toMatchObject({ user_id: 'ana', count: 1 })
    for (const client of [ana, base]) {
      const refusal = await client.ask({ type: 'join', room_id: 'lobby', ref: 'j' }, 'error')
      expect(refusal).toMatchObject({ code: 'banned', room_id: 'lobby', ref: 'j' })
      expect(refusal.retry_after_ms).toBeGreaterThan(50_000)
      expect(await client.refusal(messageOf('hello'))).toBe('not_in_room')
    }
    await ana.join('kitchen')
    await room.unban('ana')
    await ana.join('lobby')
    await ana.chat('lobby', 'back')
  })
})

describe.each(AMENDING_STORES)('on %s, a ban from the server', (_, make) => {
  it('[S5] [K1] a ban from the server closes every connection of the user with 4504, and refuses new ones until it ends', async () => {
    const { server, url } = await serve({ ...users, backplane: await make() })
    const [ana, bob, base] = [
      await enter(url, 'ana'),
      await enter(url, 'bob'),
      await connect(`${url}?token=ana`),
    ]
    await base.join('lobby')
    await server.ban('ana', { forMs: 60_000 })
    for (const client of [ana, base]) {
      const error = await client.next('error')
      expect(error).toMatchObject({ code: 'banned', retry_after_ms: expect.any(Number) })
      expect(error.room_id).toBeUndefined()
      expect(await client.closed).toEqual({ code: 4504, reason: 'Banned' })
    }
    expect(await bob.next('user_left')).toMatchObject({ user_id: 'ana', count: 1 })
    const again = await connect(url)
    const refusal = await again.ask({ type: 'auth', protocol: 1, token: 'ana', ref: 'r' }, 'error')
    expect(refusal).toMatchObject({ code: 'banned', ref: 'r' })
    expect(refusal.retry_after_ms).toBeGreaterThan(50_000)
    expect((await again.closed).code).toBe(4504)
    await bob.chat('lobby', 'still here')
    await server.unban('ana')
    await enter(url, 'ana')
  })
})

describe.each(AMENDING_STORES)('on %s, a list of restrictions', (_, make) => {
  it('has who is muted or banned now, and for how much longer, page by page', async () => {
    const { server } = await serve({ ...users, backplane: await make() })
    const room = server.room('lobby')
    await room.mute('ana', { forMs: 60_000 })
    await room.ban('ana')
    await room.mute('ben')
    await room.mute('cyd')
    await room.unmute('cyd')
    await room.mute('dan', { forMs: 1 })
    await server.ban('eve', { forMs: 60_000 })
    await server.room('kitchen').mute('fay')
    await vi.waitFor(async () => expect((await room.listRestrictions()).restrictions).toHaveLength(2))
    const time = expect.toSatisfy((ms: number) => ms > 50_000 && ms <= 60_000)
    const [ana, ben] = [
      { userId: 'ana', muted: { forMs: time }, banned: {} },
      { userId: 'ben', muted: {} },
    ]
    expect(await room.listRestrictions()).toEqual({ restrictions: [ana, ben], more: false })
    expect(await room.listRestrictions({ limit: 1 })).toEqual({ restrictions: [ana], more: true })
    expect(await room.listRestrictions({ after: 'ana', limit: 1 })).toEqual({
      restrictions: [ben],
      more: false,
    })
    const eve = { userId: 'eve', banned: { forMs: time } }
    expect(await server.listRestrictions()).toEqual({ restrictions: [eve], more: false })
    expect(await server.room('empty').listRestrictions()).toEqual({ restrictions: [], more: false })
  })
})

describe('mutes and bans', () => {
  it('[S5] an anonymous user who is banned cannot come back by the session, and a ban ends by itself', async () => {
    const { server, url } = await serve()
    const ana = await connectExtended(url)
    await server.ban(ana.userId, { forMs: 400 })
    expect((await ana.closed).code).toBe(4504)
    const again = await connect(url)
    const { session } = ana
    const refusal = await again.ask({ type: 'auth', protocol: 1, session }, 'error')
    expect(refusal.code).toBe('banned')
    await again.closed
    await new Promise((resolve) => setTimeout(resolve, refusal.retry_after_ms))
    expect((await connectExtended(url, { session })).userId).toBe(ana.userId)
  })

  it('[S5] [C8] a connection waits for a later attempt while the store cannot say who is banned', async () => {
    const { backplane, fail } = unreadable()
    const { url } = await serve({ ...users, backplane })
    const ana = await enter(url, 'ana')
    fail(true)
    const refused = await connect(url)
    expect(await refused.refusal({ type: 'auth', protocol: 1, token: 'bob' })).toBe('unavailable')
    expect((await refused.closed).code).toBe(1013)
    expect(await ana.refusal({ type: 'auth', protocol: 1, token: 'ana' })).toBe('unavailable')
    fail(false)
    await ana.chat('lobby', 'still here')
    await enter(url, 'bob')
  })

  it('[S2] a ban ends by itself, and one without a time when it is lifted', async () => {
    const { room, ana } = await pair()
    await room.ban('ana', { forMs: 300 })
    await ana.next('left')
    const refusal = await ana.ask({ type: 'join', room_id: 'lobby' }, 'error')
    await new Promise((resolve) => setTimeout(resolve, refusal.retry_after_ms))
    await ana.join('lobby')
    await room.ban('ana')
    expect(await ana.next('left')).toEqual({ type: 'left', room_id: 'lobby', reason: 'banned' })
  })

  it('[S2] a ban ends a join that is under way', async () => {
    const asked = gate()
    const answered = gate()
    const { server, url } = await serve({
      ...users,
      authorize: async () => {
        asked.open()
        await answered.opened
        return true
      },
    })
    const ana = await connectExtended(url, { token: 'ana' })
    ana.send({ type: 'join', room_id: 'lobby', ref: 'j' })
    await asked.opened
    await server.room('lobby').ban('ana')
    await ana.settled()
    answered.open()
    expect(await ana.next('error')).toMatchObject({ ref: 'j', code: 'forbidden' })
    await ana.never('joined')
  })

  it('[S1] the application is asked first, and what the server writes in the name of a user is not refused', async () => {
    const { server, url } = await serve({ ...users, authorize: ({ action }) => action === 'join' })
    const ana = await enter(url, 'ana')
    await server.room('lobby').mute('ana')
    expect(await ana.refusal(messageOf('hello'))).toBe('forbidden')
    await server.room('lobby').chat.send('on behalf', { as: 'ana' })
    expect(await ana.next('chat_message')).toMatchObject({ message: 'on behalf', user_id: 'ana' })
  })

  it('mutes and bans take a user id and a time, and need a store that keeps them', async () => {
    const { room } = await pair()
    await expect(room.mute('@server')).rejects.toThrow(TypeError)
    await expect(room.mute('ana', { forMs: 0 })).rejects.toThrow('mute: forMs must be a number above 0')
    await expect(room.ban('ana', { for: 9 } as object)).rejects.toThrow("ban: there is no option 'for'")
    await expect(room.unban('')).rejects.toThrow(TypeError)
    const without = await pair(withoutRestrictions())
    await expect(without.server.ban('ana')).rejects.toThrow('ban: this backplane does not keep')
    await expect(room.listRestrictions({ limit: 0 })).rejects.toThrow(TypeError)
    await expect(without.server.listRestrictions()).rejects.toThrow('listRestrictions: this backplane')
    for (const call of ['mute', 'ban', 'unmute', 'unban'] as const)
      await expect(without.room[call]('ana')).rejects.toThrow(
        `${call}: this backplane does not keep who is muted or banned; memory(), sqlite() and redis() do`,
      )
    await without.ana.chat('lobby', 'all else works')
  })

  it('[S2] [S3] [S5] a node that missed the news of a ban accepts nothing, and removes the user once it learns of it', async () => {
    const store = await RedisServer.start()
    onTestFinished(() => store.remove())
    const backplane = () => redis({ url: store.url, headCheckMs: 300 })
    const [left, right] = [
      await serve({ ...users, backplane: backplane() }),
      await serve({ ...users, backplane: backplane() }),
    ]
    const [ana, bob] = [await enter(right.url, 'ana'), await enter(right.url, 'bob')]
    await store.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await left.server.room('lobby').ban('ana')
    await left.server.ban('bob')
    expect(await ana.refusal(messageOf('still here'))).toMatch(/^(banned|not_in_room)$/)
    expect(await ana.next('left')).toMatchObject({ reason: 'banned' })
    expect((await bob.closed).code).toBe(4504)
    expect((await left.server.room('lobby').history()).messages).toEqual([])
  })

  it('[S2] a node whose news are gone looks who of its members is banned', async () => {
    const store = await RedisServer.start()
    onTestFinished(() => store.remove())
    const { url } = await serve({ ...users, backplane: redis({ url: store.url, headCheckMs: 300 }) })
    const [ana, bob] = [await enter(url, 'ana'), await enter(url, 'bob')]
    // As another node does, whose news were lost with a Redis that forgot them.
    const keys = new Keys('roomful', 0)
    await store.command('HSET', keys.restricted('lobby'), 'ana', `0 ${Date.now() + 60_000}`)
    await store.command('DEL', keys.log(BAN_NEWS))
    expect(await ana.next('left')).toMatchObject({ room_id: 'lobby', reason: 'banned' })
    await bob.chat('lobby', 'still here')
    await until(() => bob.all('chat_message').length === 1)
    await bob.never('left')
  })
})
