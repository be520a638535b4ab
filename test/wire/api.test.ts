import { defineProtocol, volatile } from '@roomful/protocol'
import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { connect, connectExtended } from '../support/connect.js'
import type { WireClient } from '../support/wire-client.js'
import { serve } from '../support/wire-server.js'

const protocol = defineProtocol({
  server: { noted: z.object({ text: z.string() }), alerted: volatile(z.object({ text: z.string() })) },
})

const users = {
  protocol,
  authenticate: ({ token }: { token: string | undefined }) => ({ userId: token ?? '' }),
  authorize: () => true,
}

async function connectUsers(url: string, ...names: string[]): Promise<WireClient[]> {
  return Promise.all(names.map((token) => connectExtended(url, { token })))
}

type Served = Awaited<ReturnType<typeof serve<typeof protocol>>>['server']

/** Asserts who got the alert, each of them once. */
async function expectAlerted(everyone: readonly WireClient[], alerted: readonly (WireClient | undefined)[]) {
  for (const client of everyone) {
    if (alerted.includes(client)) await client.next('alerted')
    await client.never('alerted')
  }
}

const alert = { type: 'alerted', text: 'look' } as const

describe('rooms', () => {
  it('[A8] a broadcast to several rooms reaches each connection once, under the first room that it is in', async () => {
    const { url, server } = await serve(users)
    const [ana, bob, eve, dan] = await connectUsers(url, 'ana', 'bob', 'eve', 'dan')
    await ana?.join('a')
    for (const room of ['b', 'c']) await bob?.join(room)
    for (const room of ['c', 'b', 'a']) await eve?.join(room)
    await dan?.join('d')
    server.rooms(['b', 'c', 'a', 'b']).broadcast(alert)
    expect(await ana?.next('alerted')).toEqual({ ...alert, room_id: 'a' })
    for (const client of [bob, eve]) expect(await client?.next('alerted')).toEqual({ ...alert, room_id: 'b' })
    for (const client of [ana, bob, eve, dan]) await client?.never('alerted')
  })

  it('[A8] an exclusion holds in one room, in many and in all', async () => {
    const { url, server } = await serve(users)
    const everyone = await connectUsers(url, 'ana', 'bob', 'bob', 'eve')
    const [ana, bob, bobsPhone, eve] = everyone
    for (const client of everyone) await client.join('a')
    await eve?.join('b')
    const bobsId = String(bob?.frames[0]?.connection_id)
    server.room('a').broadcast(alert, { except: bobsId })
    await expectAlerted(everyone, [ana, bobsPhone, eve])
    server.room('a').broadcast(alert, { except: { user: 'bob' } })
    await expectAlerted(everyone, [ana, eve])
    server.rooms(['b', 'a']).broadcast(alert, { except: { user: 'eve' } })
    await expectAlerted(everyone, [ana, bob, bobsPhone])
    server.broadcast(alert, { exceptUser: 'ana' })
    await expectAlerted(everyone, [bob, bobsPhone, eve])
  })

  it('[A8] a broadcast to everyone reaches who is in no room too, under no room, but nobody who is not authenticated', async () => {
    const { url, server } = await serve(users)
    const [ana] = await connectUsers(url, 'ana')
    const stranger = await connect(url)
    server.broadcast(alert)
    expect(await ana?.next('alerted')).toEqual(alert)
    await stranger.never('alerted')
  })

  it('of several messages with one coalesceKey that wait for one flush, only the newest is sent', async () => {
    const { url, server } = await serve(users)
    const [ana] = await connectUsers(url, 'ana')
    await ana?.join('a')
    for (const text of ['one', 'two', 'three'])
      server.room('a').broadcast({ type: 'alerted', text }, { coalesceKey: 'position' })
    expect(await ana?.next('alerted')).toMatchObject({ text: 'three' })
    await ana?.never('alerted')
  })

  it('info tells users, connections, names and the head; history pages the log', async () => {
    const { url, server } = await serve(users)
    const everyone = await connectUsers(url, 'ana', 'bob', 'bob')
    for (const client of everyone) await client.join('a')
    const { duplicate: _, ...head } = await server.room('a').publish({ type: 'noted', text: 'one' })
    expect(await server.room('a').info()).toEqual({
      roomId: 'a',
      count: 2,
      connections: 3,
      members: [{ userId: 'ana' }, { userId: 'bob' }],
      head,
    })
    for (const text of ['two', 'three']) await server.room('a').publish({ type: 'noted', text })
    expect(await server.room('a').history({ limit: 1 })).toMatchObject({
      messages: [{ text: 'three', offset: 3 }],
      more: true,
      truncated: false,
    })
    expect(await server.room('a').history({ after: 1 })).toMatchObject({
      messages: [{ offset: 2 }, { offset: 3 }],
      more: false,
    })
    expect(await server.room('nobody.here').info()).toMatchObject({ count: 0, connections: 0, members: [] })
  })

  it.each(['', '@me', '@user:ana', 'a b', undefined, 5, 5n])(
    '[J2] [J13] rooms: %o is no room of the application',
    async (id) => {
      const { server } = await serve(users)
      const invalid = expect.objectContaining({ code: 'invalid_room' })
      expect(() => server.room(id as string)).toThrow(invalid)
      expect(() => server.rooms(['a', id as string]).broadcast(alert)).toThrow(invalid)
    },
  )
})

describe('a page of history', () => {
  it.each([
    ['an offset that is a text', { after: '2' }, /history: after must be a whole number, 0 or more/],
    ['half an offset', { before: 12.5 }, /history: before must be a whole number/],
    ['a negative limit', { limit: -1 }, /history: limit must be a whole number/],
    ['a limit that is no number', { limit: Number.NaN }, /history: limit must be a whole number/],
    ['an undefined offset', { after: undefined }, /history: after is undefined; leave it out/],
    ['two pages at once', { before: 9, after: 1 }, /before, after and around select different pages/],
    ['a page around a message, and before', { before: 9, around: { offset: 1, id: 'a' } }, /use only one/],
    ['a page around an offset', { around: 9 }, /history: around must be a message of the log/],
    ['a misspelt name', { limt: 5 }, /did you mean 'limit'/],
    ['null', null, /history: pass an object of options/],
  ])('a page of history is refused for %s', async (_, options, says) => {
    const { server } = await serve()
    for (const { history } of [server.room('a'), server.user('ana')]) {
      const page = history(options as object)
      await expect(page).rejects.toThrow(TypeError)
      await expect(page).rejects.toThrow(says)
    }
  })
})

describe('chat of the server', () => {
  const chatting = {
    protocol: defineProtocol({ chat: z.object({ mood: z.string() }) }),
    limits: { textLength: 5 },
  }

  it('[M1] [M3] chat of the server is logged as a chat message of @server, or of the user that it names', async () => {
    const { url, server } = await serve(chatting)
    const client = await connect(url)
    await client.join('a')
    const { duplicate, ...position } = await server.room('a').chat.send('hello')
    expect(duplicate).toBe(false)
    const own = { type: 'chat_message', message: 'hello', user_id: '@server', room_id: 'a', ...position }
    expect(await client.next('chat_message')).toEqual({ ...own, timestamp: expect.any(String) })
    await server.room('a').chat.send('hey', { as: 'ana', data: { mood: 'fine' } })
    expect(await client.next('chat_message')).toMatchObject({
      message: 'hey',
      user_id: 'ana',
      data: { mood: 'fine' },
      offset: position.offset + 1,
    })
    const { messages } = await server.room('a').history()
    expect(messages).toMatchObject([own, { message: 'hey', user_id: 'ana' }])
  })

  it.each([
    ['a text that is too long', 'longer', {}, 'message_too_long'],
    ['a blank text', ' ', {}, 'message_empty'],
    ['a lone surrogate', '\ud800', {}, 'invalid_text'],
    ['what is no text', 5, {}, 'invalid_message'],
    ['data that its schema refuses', 'hi', { data: { mood: 5 } }, 'invalid_message'],
  ])('[M2] [M4] chat of the server refuses %s', async (_, text, options, code) => {
    const { server } = await serve(chatting)
    const sent = server.room('a').chat.send(text as string, options as object)
    await expect(sent).rejects.toMatchObject({ code })
    expect((await server.room('a').history()).messages).toEqual([])
  })

  it('[M4] chat of the server refuses data where the protocol declares none', async () => {
    const { server } = await serve(users)
    const sent = server.room('a').chat.send('hi', { data: {} as never })
    await expect(sent).rejects.toMatchObject({ code: 'invalid_message' })
  })

  it('chat of the server refuses a name that is no user’s, and a misspelt option', async () => {
    const { server } = await serve(chatting)
    const { chat } = server.room('a')
    for (const as of ['', '@me', 5])
      await expect(chat.send('hi', { as } as object)).rejects.toThrow(TypeError)
    await expect(chat.send('hi', { ass: 'ana' } as object)).rejects.toThrow('as')
  })

  it('[J13] chat of the server does not stand in a user’s own stream', async () => {
    let refused: Promise<unknown> = Promise.resolve()
    const { url } = await serve({
      on: {
        join: ({ room }) => {
          refused = room.chat.send('hi').catch((error: unknown) => error)
        },
      },
    })
    await (await connectExtended(url)).join('@me')
    expect(await refused).toMatchObject({ code: 'forbidden' })
  })
})

describe('a key', () => {
  const both = {
    ...users,
    protocol: defineProtocol({
      chat: z.object({ mood: z.optional(z.string()) }),
      server: { noted: z.object({ text: z.string(), to: z.optional(z.record(z.string(), z.number())) }) },
    }),
  }

  it('a key makes a repeat of publish resolve with the first position, and members get the message once', async () => {
    const { url, server } = await serve(both)
    const [ana] = await connectUsers(url, 'ana')
    await ana?.join('a')
    const { publish } = server.room('a')
    const note = { type: 'noted', text: 'paid', to: { a: 1, b: 2 } } as const
    const { duplicate, ...first } = await publish(note, { key: 'order 7' })
    await publish({ type: 'noted', text: 'sent' })
    const again = await publish({ type: 'noted', to: { b: 2, a: 1 }, text: 'paid' }, { key: 'order 7' })
    expect([duplicate, again]).toEqual([false, { ...first, duplicate: true }])
    expect(await ana?.next('noted')).toMatchObject({ text: 'paid', ...first })
    expect(await ana?.next('noted')).toMatchObject({ text: 'sent' })
    await ana?.never('noted')
    expect(server.metrics()).toMatch(/roomful_duplicates_total 1\b/)
  })

  it('a key holds in one room or user’s stream, and for chat as well', async () => {
    const { server } = await serve(both)
    const options = { key: 'k' }
    const positions = [
      await server.room('a').publish({ type: 'noted', text: 'one' }, options),
      await server.room('b').publish({ type: 'noted', text: 'one' }, options),
      await server.user('ana').publish({ type: 'noted', text: 'one' }, options),
      await server.room('c').chat.send('one', options),
    ]
    expect(new Set(positions.map(({ id }) => id)).size).toBe(4)
    expect(await server.user('ana').publish({ type: 'noted', text: 'one' }, options)).toEqual({
      ...positions[2],
      duplicate: true,
    })
    expect(await server.room('c').chat.send('one', options)).toEqual({ ...positions[3], duplicate: true })
    expect((await server.room('c').history()).messages).toHaveLength(1)
  })

  it('a key of another message is refused, whatever about it is another', async () => {
    const { server } = await serve(both)
    const { publish, chat } = server.room('a')
    await publish({ type: 'noted', text: 'one' }, { key: 'k' })
    await chat.send('hi', { as: 'ana', data: { mood: 'fine' }, key: 'c' })
    const others = [
      publish({ type: 'noted', text: 'two' }, { key: 'k' }),
      chat.send('one', { key: 'k' }),
      chat.send('hi', { as: 'bob', data: { mood: 'fine' }, key: 'c' }),
      chat.send('hi', { as: 'ana', key: 'c' }),
    ]
    const conflict = {
      code: 'id_conflict',
      temporary: false,
      message: 'This key was used for another message',
    }
    for (const other of others) await expect(other).rejects.toMatchObject(conflict)
    expect((await server.room('a').history()).messages).toHaveLength(2)
  })

  it.each([
    ['that is empty', { key: '' }, /key must be a string of 1 to 256 characters/],
    ['that is too long', { key: 'x'.repeat(257) }, /1 to 256/],
    ['with a lone surrogate', { key: '\ud800' }, /valid Unicode/],
    ['that is a number', { key: 7 }, /key must be a string/],
    ['that is undefined', { key: undefined }, /key is undefined; leave it out/],
    ['that is misspelt', { ky: 'k' }, /did you mean 'key'/],
  ])('a key %s is refused, and nothing is logged', async (_, options, says) => {
    const { server } = await serve(both)
    const { publish, chat, history } = server.room('a')
    for (const sent of [
      publish({ type: 'noted', text: 'one' }, options as object),
      server.user('ana').publish({ type: 'noted', text: 'one' }, options as object),
      chat.send('one', options as object),
    ]) {
      await expect(sent).rejects.toThrow(TypeError)
      await expect(sent).rejects.toThrow(says)
    }
    expect((await history()).messages).toEqual([])
  })
})

describe('users', () => {
  it('a broadcast to users reaches every connection of one user, or of many, each once, under no room', async () => {
    const { url, server } = await serve(users)
    const everyone = await connectUsers(url, 'ana', 'ana', 'bob', 'eve')
    const [phone, laptop, bob] = everyone
    server.user('ana').broadcast(alert)
    expect(await phone?.next('alerted')).toEqual(alert)
    expect(await laptop?.next('alerted')).toEqual(alert)
    await expectAlerted(everyone, [])
    server.users(['ana', 'bob', 'ana', 'nobody']).broadcast(alert)
    await expectAlerted(everyone, [phone, laptop, bob])
  })

  it('[J13] [A7] what is published to a user goes to the user’s own stream, to every device that joined @me, and is there for who was away', async () => {
    const { url, server } = await serve(users)
    const [phone, laptop, bob] = await connectUsers(url, 'ana', 'ana', 'bob')
    const { epoch, offset, id } = (await phone?.join('@me')) ?? {}
    for (const client of [laptop, bob]) await client?.join('@me')
    const { duplicate, ...position } = await server.user('ana').publish({ type: 'noted', text: 'one' })
    expect(duplicate).toBe(false)
    const frame = { type: 'noted', text: 'one', room_id: '@me', ...position }
    for (const device of [phone, laptop]) expect(await device?.next('noted')).toEqual(frame)
    await bob?.never('noted')
    const [tablet] = await connectUsers(url, 'ana')
    const joined = await tablet?.join('@me', { since: { epoch, offset, id } })
    expect(joined).toMatchObject({ recovered: true, messages: [frame] })
    expect(await tablet?.ask({ type: 'history', room_id: '@me' }, 'history')).toMatchObject({
      room_id: '@me',
      messages: [frame],
    })
    expect((await server.user('ana').history()).messages).toEqual([frame])
  })

  it('disconnecting a user ends every connection of that user, and of nobody else', async () => {
    const { url, server } = await serve(users)
    const [phone, laptop, bob] = await connectUsers(url, 'ana', 'ana', 'bob')
    server.user('ana').disconnect()
    for (const device of [phone, laptop]) expect((await device?.closed)?.code).toBe(4501)
    await bob?.settled()
  })
})

describe('a broadcast', () => {
  it.each([
    ['a user id for a connection’s', 'ana'],
    ['nothing', ''],
    ['undefined', undefined],
    ['null', null],
    ['a list', [{ user: 'ana' }]],
    ['a misspelt user', { usr: 'ana' }],
    ['no user', { user: undefined }],
    ['a user and more', { user: 'ana', users: ['bob'] }],
    ['a number', 5],
  ])('a broadcast that is kept from %s is refused, and reaches nobody', async (_, except) => {
    const { url, server } = await serve(users)
    const [ana] = await connectUsers(url, 'ana')
    await ana?.join('a')
    const options = { except } as object
    expect(() => server.room('a').broadcast(alert, options)).toThrow(/broadcast: except/)
    expect(() => server.rooms(['a']).broadcast(alert, options)).toThrow(/broadcast: except/)
    expect(() => server.broadcast(alert, { exceptUser: undefined } as object)).toThrow(
      /exceptUser is undefined/,
    )
    await ana?.never('alerted')
  })

  it('a broadcast to one id in the place of a list is refused', async () => {
    const { server } = await serve(users)
    for (const ids of ['abc', undefined, 5] as unknown as string[][]) {
      expect(() => server.users(ids).broadcast(alert)).toThrow(/users: pass a list of ids.*user\(id\)/)
      expect(() => server.rooms(ids).broadcast(alert)).toThrow(/rooms: pass a list of ids.*room\(id\)/)
    }
  })
})

describe('an id that is no user’s', () => {
  it.each([
    ['kick', (server: Served, id: string) => server.room('a').kick(id)],
    ['user', (server: Served, id: string) => server.user(id)],
    ['users', (server: Served, id: string) => server.users(['ana', id]).broadcast(alert)],
    ['exceptUser', (server: Served, id: string) => server.broadcast(alert, { exceptUser: id })],
    ['except', (server: Served, id: string) => server.room('a').broadcast(alert, { except: { user: id } })],
  ])('an id that is no user’s is a TypeError where it is given to %s, and reaches nobody', async (_, use) => {
    const { url, server } = await serve(users)
    const [ana] = await connectUsers(url, 'ana')
    await ana?.join('a')
    for (const id of [null, 5, {}, '', '@ana']) expect(() => use(server, id as string)).toThrow(TypeError)
    await ana?.never('alerted')
    await ana?.never('left')
  })
})

describe('authorize', () => {
  it('[J7] authorize decides on joins and on messages of each kind; anything but true denies', async () => {
    const asked: string[] = []
    let answer: unknown = true
    const { url } = await serve({
      ...users,
      authorize: ({ user, action, roomId }) => {
        asked.push(`${user.id} ${action} ${roomId}`)
        return (action === 'join' ? true : answer) as boolean
      },
    })
    const [ana] = await connectUsers(url, 'ana')
    await ana?.join('a')
    for (const denial of [false, undefined, 'yes', 1]) {
      answer = denial
      expect(await ana?.refusal({ type: 'chat_message', message: 'x' })).toBe('forbidden')
    }
    expect(await ana?.refusal({ type: 'presence', state: {} })).toBe('forbidden')
    answer = true
    await ana?.chat('a', 'x')
    expect(new Set(asked)).toEqual(new Set(['ana join a', 'ana chat_message a', 'ana presence a']))
  })

  it('[E16] authorize that throws denies for now: unavailable, with a time to come back', async () => {
    const { url, log } = await serve({
      ...users,
      authorize: () => {
        throw new Error('the access list is away')
      },
    })
    const [ana] = await connectUsers(url, 'ana')
    expect(await ana?.ask({ type: 'join', room_id: 'a' }, 'error')).toMatchObject({
      code: 'unavailable',
      message: 'Temporarily unavailable',
      retry_after_ms: expect.any(Number),
    })
    expect(log.filter(({ level }) => level === 'error')).toHaveLength(1)
  })

  it('authorize is warned about when it is missing beside authenticate', async () => {
    const { log } = await serve({ authenticate: () => null })
    expect(log).toContainEqual({
      level: 'warn',
      event: expect.stringContaining('authenticate without authorize'),
      fields: {},
    })
  })
})
