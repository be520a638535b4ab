import { describe, expect, it } from 'vitest'
import { connect, connectExtended } from '../support/connect.js'
import { gate, serve, until, WireClock } from '../support/wire-server.js'

describe('leave', () => {
  it('[J9] leave ends the membership, with the ref of the request; not a member is not_in_room', async () => {
    const { url } = await serve()
    const ana = await connect(url)
    await ana.join('lobby')
    const left = await ana.ask({ type: 'leave', room_id: 'lobby', ref: 'r' }, 'left')
    expect(left).toEqual({ type: 'left', room_id: 'lobby', ref: 'r' })
    expect(await ana.ask({ type: 'leave', room_id: 'lobby', ref: 's' }, 'error')).toMatchObject({
      code: 'not_in_room',
      message: "Not in a room. Send a 'join' message first.",
      ref: 's',
      room_id: 'lobby',
    })
  })

  it('[J10] leave is followed by nothing of the room, until the next join', async () => {
    const { url } = await serve()
    const [ana, bob] = [await connect(url), await connect(url)]
    await ana.join('lobby')
    await bob.join('lobby')
    await bob.chat('lobby', 'before')
    await ana.next('chat_message')
    await ana.ask({ type: 'leave' }, 'left')
    await bob.chat('lobby', 'after')
    await ana.settled()
    const types = ana.frames.map(({ type }) => type)
    expect(types.slice(types.indexOf('left') + 1)).toEqual(['pong', 'pong'])
    await ana.join('lobby')
    await bob.chat('lobby', 'again')
    expect(await ana.next('chat_message')).toMatchObject({ message: 'again' })
  })

  it('[J8] leave of the default room leaves none: a message never falls back to an earlier room', async () => {
    const { url } = await serve()
    const ana = await connect(url)
    await ana.join('public')
    await ana.join('private')
    ana.send({ type: 'chat_message', message: 'a secret' })
    expect(await ana.next('chat_message')).toMatchObject({ room_id: 'private' })
    await ana.ask({ type: 'leave' }, 'left')
    expect(await ana.refusal({ type: 'chat_message', message: 'another secret' })).toBe('not_in_room')
    expect(await ana.refusal({ type: 'leave' })).toBe('not_in_room')
    await ana.chat('public', 'named')
  })

  it('[J8] a kick from the default room leaves none either', async () => {
    const { url, server } = await serve()
    const ana = await connectExtended(url)
    await ana.join('public')
    await ana.join('private')
    server.room('private').kick(ana.userId)
    await ana.next('left')
    expect(await ana.refusal({ type: 'chat_message', message: 'a secret' })).toBe('not_in_room')
  })
})

describe('being lost', () => {
  it('[J11] an extended connection’s user stays for 10 s, and comes back unnoticed', async () => {
    const clock = new WireClock()
    const { url, server } = await serve({ clock })
    const ana = await connectExtended(url)
    await ana.join('lobby')
    const bob = await connectExtended(url)
    await bob.join('lobby')
    await ana.next('user_joined')
    await ana.next('presence')
    await bob.vanish()
    await until(() => server.stats().connections === 1)
    await clock.advance(9_000)
    const again = await connectExtended(url, { session: bob.session })
    expect(await again.join('lobby')).toMatchObject({ count: 2 })
    await clock.advance(20_000)
    for (const type of ['user_left', 'user_joined', 'presence']) await ana.never(type)
    await again.vanish()
    await until(() => server.stats().connections === 1)
    await clock.advance(9_000)
    await ana.never('user_left')
    await clock.advance(1_000)
    expect(await ana.next('user_left')).toMatchObject({ user_id: bob.userId, count: 1 })
    expect(await ana.next('presence')).toMatchObject({ event: 'leave', version: 3 })
  })

  it('[J11] a naive connection’s loss counts at once', async () => {
    const { url } = await serve()
    const [ana, bob] = [await connect(url), await connect(url)]
    await ana.join('lobby')
    await bob.join('lobby')
    await bob.vanish()
    expect(await ana.next('user_left')).toMatchObject({ count: 1 })
  })

  it('[J11] the late end of an old socket does not take the new one’s membership away', async () => {
    const { url, server } = await serve()
    const ana = await connectExtended(url)
    await ana.join('lobby')
    const old = await connectExtended(url)
    await old.join('lobby')
    const fresh = await connectExtended(url, { session: old.session })
    await fresh.join('lobby')
    await old.vanish()
    await until(() => server.stats().connections === 2)
    await ana.never('user_left')
    expect((await server.room('lobby').info()).count).toBe(2)
  })
})

describe('being put out', () => {
  it('[J12] being put out is told by left to an extended connection, by an error to a naive one, and both may try again', async () => {
    const { url, server } = await serve()
    const naive = await connect(url)
    await naive.join('lobby')
    naive.send({ type: 'chat_message', message: 'it is me' })
    const { user_id } = await naive.next('chat_message')
    const ana = await connectExtended(url)
    await ana.join('lobby')
    await ana.join('attic')
    server.room('lobby').kick(ana.userId)
    server.room('lobby').kick(user_id)
    expect(await ana.next('left')).toEqual({ type: 'left', room_id: 'lobby', reason: 'kicked' })
    expect(await naive.next('error')).toMatchObject({
      code: 'forbidden',
      message: 'Forbidden',
      room_id: 'lobby',
    })
    expect(await ana.refusal({ type: 'chat_message', room_id: 'lobby', message: 'x' })).toBe('not_in_room')
    await ana.chat('attic', 'still here')
    await ana.join('lobby')
    await naive.join('lobby')
  })

  it('[J12] a kick also ends a join that is under way', async () => {
    const { opened, open } = gate()
    const asked = gate()
    const { url, server } = await serve({
      on: {
        join: () => {
          asked.open()
          return opened
        },
      },
    })
    const ana = await connectExtended(url)
    ana.send({ type: 'join', room_id: 'lobby' })
    await asked.opened
    server.room('lobby').kick(ana.userId)
    open()
    expect((await ana.next('error')).code).toBe('forbidden')
    expect(await server.room('lobby').info()).toMatchObject({ count: 0, connections: 0 })
  })

  it.each(['join', 'history'])(
    '[J16] [J12] access is asked again on %s, and withdrawn with it',
    async (type) => {
      let isAllowed = true
      const { url, server } = await serve({
        authenticate: ({ token }) => ({ userId: token ?? '' }),
        authorize: () => isAllowed,
      })
      const ana = await connectExtended(url, { token: 'ana' })
      const naive = await connect(`${url}?token=bob`)
      for (const client of [ana, naive]) await client.join('lobby')
      isAllowed = false
      for (const client of [ana, naive]) {
        const error = await client.ask({ type, room_id: 'lobby', ref: 'r' }, 'error')
        expect(error).toMatchObject({ code: 'forbidden', room_id: 'lobby', ref: 'r' })
      }
      expect(await ana.next('left')).toEqual({ type: 'left', room_id: 'lobby', reason: 'forbidden' })
      await naive.never('left')
      expect(await server.room('lobby').info()).toMatchObject({ count: 0, connections: 0 })
    },
  )
})

describe('@me', () => {
  const users = {
    authenticate: ({ token }: { token: string | undefined }) => ({ userId: token ?? '' }),
    authorize: () => true,
  }

  it('[J13] @me is joined and left like a room, has no members, and is never the default room', async () => {
    const { url } = await serve(users)
    const ana = await connectExtended(url, { token: 'ana' })
    const joined = await ana.join('@me')
    expect(joined).toMatchObject({ room_id: '@me', offset: 0, more: false })
    for (const field of ['count', 'members', 'presence_version']) expect(joined).not.toHaveProperty(field)
    expect(await ana.refusal({ type: 'chat_message', message: 'x' })).toBe('not_in_room')
    expect(await ana.ask({ type: 'history', room_id: '@me' }, 'history')).toMatchObject({ messages: [] })
    const phone = await connectExtended(url, { token: 'ana' })
    await phone.join('@me')
    await ana.never('user_joined')
    await ana.ask({ type: 'leave', room_id: '@me' }, 'left')
    await phone.never('user_left')
  })

  it('[J13] @me answers chat, typing and presence by forbidden', async () => {
    const { url } = await serve(users)
    const ana = await connectExtended(url, { token: 'ana' })
    await ana.join('@me')
    for (const message of [
      { type: 'chat_message', message: 'x' },
      { type: 'typing_start' },
      { type: 'typing_stop' },
      { type: 'presence', state: {} },
    ]) {
      expect(await ana.refusal({ ...message, room_id: '@me' })).toBe('forbidden')
    }
  })
})
