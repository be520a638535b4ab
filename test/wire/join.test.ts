import { refuse } from '@roomful/server'
import { describe, expect, it } from 'vitest'
import { connect, connectExtended } from '../support/connect.js'
import { gate, serve, WireClock } from '../support/wire-server.js'

describe('join', () => {
  it('[J1] [J15] [H2] [H5] join makes a member, and tells a naive connection the cursor and the count', async () => {
    const { url } = await serve()
    const ana = await connect(url)
    const joined = await ana.join('lobby', { ref: 'r' })
    expect(joined).toEqual({
      type: 'joined',
      room_id: 'lobby',
      message: 'Welcome to room lobby',
      timestamp: expect.any(String),
      epoch: expect.any(String),
      offset: 0,
      id: joined.epoch,
      messages: [],
      more: false,
      count: 1,
      ref: 'r',
    })
  })

  it('[J15] join tells an extended connection the members and the version of that list', async () => {
    const { url } = await serve()
    const ana = await connectExtended(url)
    const bob = await connectExtended(url)
    await ana.join('lobby')
    expect(await bob.join('lobby')).toMatchObject({
      members: [{ user_id: ana.userId }, { user_id: bob.userId }],
      presence_version: 2,
      count: 2,
    })
  })

  it('[J1] join keeps several rooms apart', async () => {
    const { url } = await serve()
    const [ana, bob] = [await connect(url), await connect(url)]
    await ana.join('one')
    await ana.join('two')
    await bob.join('two')
    expect(await ana.next('user_joined')).toMatchObject({ room_id: 'two', count: 2 })
    await ana.chat('one', 'only here')
    expect(await ana.next('chat_message')).toMatchObject({ room_id: 'one' })
    await bob.never('chat_message')
  })

  it('[J1] join beyond limits.rooms is answered by room_limit, until a room is left', async () => {
    const { url } = await serve({ limits: { roomsPerConnection: 2 } })
    const ana = await connect(url)
    await ana.join('one')
    await ana.join('two')
    expect(await ana.refusal({ type: 'join', room_id: 'three' })).toBe('room_limit')
    await ana.join('two')
    await ana.ask({ type: 'leave', room_id: 'one' }, 'left')
    await ana.join('three')
  })

  it.each(['général', 'комната', '部屋', 'a.b_c:d-e=f@g,h;i', 'x'.repeat(128), '𝒳'.repeat(128), '7'])(
    '[J2] join takes the name %s',
    async (room_id) => {
      const { url } = await serve()
      expect((await (await connect(url)).join(room_id)).message).toBe(`Welcome to room ${room_id}`)
    },
  )

  it.each([
    ['a space', 'a b'],
    ['129 code points', 'x'.repeat(129)],
    ['a control character', 'a\u0000b'],
    ['a bidi character', 'a\u202eb'],
    ['an invisible character', 'a\u200bb'],
    ['a name that is not in form C', 'e\u0301'],
    ['a leading @', '@everyone'],
    ['a path', '../etc'],
    ['a lone surrogate', '\ud800'],
  ])('[J2] [E5] join refuses %s as invalid_room', async (_, room_id) => {
    const { url } = await serve()
    const ana = await connect(url)
    const error = await ana.ask({ type: 'join', room_id, ref: 'r' }, 'error')
    expect(error).toMatchObject({ code: 'invalid_room', message: 'Invalid room_id', ref: 'r' })
    expect(error).not.toHaveProperty('room_id')
  })

  it('[J3] join of a member is idempotent: a fresh joined, and nothing to the others', async () => {
    const { url } = await serve()
    const [ana, bob] = [await connectExtended(url), await connectExtended(url)]
    await ana.join('lobby')
    await bob.join('lobby')
    await ana.next('user_joined')
    await ana.next('presence')
    expect(await bob.join('lobby')).toMatchObject({ count: 2, presence_version: 2 })
    await ana.never('user_joined')
    await ana.never('presence')
    await ana.chat('lobby', 'hi')
    await bob.next('chat_message')
    await bob.never('chat_message')
  })

  it('[J4] [J5] join tells the others of a user’s first connection and last leave, and of no other', async () => {
    const { url } = await serve({
      authenticate: ({ token }) => ({ userId: token ?? '' }),
      authorize: () => true,
    })
    const ana = await connectExtended(url, { token: 'ana' })
    await ana.join('lobby')
    const [phone, laptop] = [
      await connectExtended(url, { token: 'bob' }),
      await connectExtended(url, { token: 'bob' }),
    ]
    expect(await phone.join('lobby')).toMatchObject({ count: 2 })
    expect(await laptop.join('lobby')).toMatchObject({ count: 2 })
    expect(await ana.next('user_joined')).toEqual({
      type: 'user_joined',
      message: 'A user joined the room',
      count: 2,
      room_id: 'lobby',
      user_id: 'bob',
    })
    await phone.ask({ type: 'leave', room_id: 'lobby' }, 'left')
    await ana.never('user_joined')
    await ana.never('user_left')
    await laptop.ask({ type: 'leave', room_id: 'lobby' }, 'left')
    expect(await ana.next('user_left')).toMatchObject({ user_id: 'bob', count: 1 })
  })

  it('[J6] join is answered before anything live of the room', async () => {
    const { opened, open } = gate()
    const { url } = await serve({
      on: { join: ({ user }) => (user.id === late.userId ? opened : undefined) },
    })
    const late = await connectExtended(url)
    const ana = await connect(url)
    await ana.join('lobby')
    late.send({ type: 'join', room_id: 'lobby', history: 10 })
    await ana.chat('lobby', 'before')
    ana.send({ type: 'typing_start', room_id: 'lobby' })
    await ana.settled()
    open()
    const { messages } = await late.next('joined')
    await ana.chat('lobby', 'after')
    await late.next('chat_message')
    expect(messages).toMatchObject([{ message: 'before' }])
    expect(late.frames.slice(2).map(({ type }) => type)).toEqual([
      'joined',
      'user_stopped_typing',
      'chat_message',
    ])
  })

  it('[J7] join is the application’s to decide: forbidden, or a refusal of its own', async () => {
    const { url } = await serve({
      authenticate: () => ({ userId: 'ana' }),
      authorize: ({ roomId }) => roomId !== 'secret' && roomId !== 'missing',
      on: {
        join: ({ room }) => {
          if (room.id === 'game') throw refuse('game_full', 'The game is full')
        },
      },
    })
    const ana = await connectExtended(url, { token: 't' })
    const errors = []
    for (const room_id of ['secret', 'missing']) {
      const { timestamp, room_id: named, ...error } = await ana.ask({ type: 'join', room_id }, 'error')
      expect(named).toBe(room_id)
      errors.push(error)
    }
    expect(errors[0]).toEqual({ type: 'error', message: 'Forbidden', code: 'forbidden' })
    expect(errors[1]).toEqual(errors[0])
    expect(await ana.ask({ type: 'join', room_id: 'game', ref: 'r' }, 'error')).toMatchObject({
      code: 'game_full',
      message: 'The game is full',
      room_id: 'game',
      ref: 'r',
    })
    expect(await ana.refusal({ type: 'chat_message', room_id: 'game', message: 'x' })).toBe('not_in_room')
  })

  it('[J14] [P6] join in a large room, tells one latest count a second, and no names', async () => {
    const clock = new WireClock()
    const { url } = await serve({ clock, limits: { listedMembers: 2 } })
    const [ana, ...others] = await Promise.all(Array.from({ length: 5 }, () => connectExtended(url)))
    await ana?.join('lobby')
    for (const other of others.slice(0, 1)) await other.join('lobby')
    await ana?.next('user_joined')
    await ana?.next('presence')
    for (const other of others.slice(1)) expect(await other.join('lobby')).not.toHaveProperty('members')
    await ana?.never('user_joined')
    await clock.advance(1_000)
    expect(await ana?.next('user_joined')).toEqual({
      type: 'user_joined',
      message: 'A user joined the room',
      count: 5,
      room_id: 'lobby',
    })
    await ana?.never('user_joined')
    await ana?.never('presence')
    for (const other of others.slice(1)) await other.ask({ type: 'leave', room_id: 'lobby' }, 'left')
    await clock.advance(1_000)
    expect(await ana?.next('user_left')).toMatchObject({ count: 2 })
    expect(await ana?.next('presence')).toMatchObject({ event: 'snapshot', members: [{}, {}] })
  })
})
