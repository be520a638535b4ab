import { describe, expect, it } from 'vitest'
import { connect, connectExtended } from '../support/connect.js'
import { serve } from '../support/wire-server.js'

const users = {
  authenticate: ({ token }: { token: string | undefined }) => ({ userId: token ?? '' }),
  authorize: () => true,
}

describe('presence', () => {
  it('[P1] presence counts users, not connections; the state is what any of them set last, and goes with the user', async () => {
    const { url, server } = await serve(users)
    const ana = await connectExtended(url, { token: 'ana' })
    const [phone, laptop] = [
      await connectExtended(url, { token: 'bob' }),
      await connectExtended(url, { token: 'bob' }),
    ]
    for (const client of [ana, phone, laptop]) await client.join('lobby')
    phone.send({ type: 'presence', room_id: 'lobby', state: { on: 'phone' } })
    await phone.next('presence')
    laptop.send({ type: 'presence', room_id: 'lobby', state: { on: 'laptop' } })
    await laptop.next('presence')
    await laptop.next('presence')
    expect((await ana.join('lobby')).members).toEqual([
      { user_id: 'ana' },
      { user_id: 'bob', state: { on: 'laptop' } },
    ])
    for (const device of [phone, laptop]) await device.ask({ type: 'leave', room_id: 'lobby' }, 'left')
    expect((await server.room('lobby').info()).members).toEqual([{ userId: 'ana' }])
    await phone.join('lobby')
    expect((await ana.join('lobby')).members).toContainEqual({ user_id: 'bob' })
  })

  it('[P2] presence has no answer but the update, which the sender gets too', async () => {
    const { url } = await serve(users)
    const ana = await connectExtended(url, { token: 'ana' })
    await ana.join('lobby')
    expect(await ana.ask({ type: 'presence', state: { mood: 'bright' }, ref: 'r' }, 'presence')).toEqual({
      type: 'presence',
      room_id: 'lobby',
      version: 2,
      event: 'update',
      members: [{ user_id: 'ana', state: { mood: 'bright' } }],
    })
  })

  it.each([
    ['no object', 'bright'],
    ['an array', []],
    ['larger than 2 KiB', { x: 'é'.repeat(1_024) }],
  ])('[P2] [E8] presence refuses a state that is %s, and names the field', async (_, state) => {
    const { url } = await serve(users)
    const ana = await connectExtended(url, { token: 'ana' })
    await ana.join('lobby')
    expect(await ana.ask({ type: 'presence', state, ref: 'r' }, 'error')).toMatchObject({
      code: 'invalid_message',
      ref: 'r',
      issues: [{ path: 'state' }],
    })
  })

  it('[P3] [P4] presence enter, update and leave go to the extended members, each with the next version', async () => {
    const { url } = await serve(users)
    const [ana, naive] = [await connectExtended(url, { token: 'ana' }), await connect(`${url}?token=eve`)]
    expect((await ana.join('lobby')).presence_version).toBe(1)
    await naive.join('lobby')
    const bob = await connectExtended(url, { token: 'bob' })
    expect((await bob.join('lobby')).presence_version).toBe(3)
    bob.send({ type: 'presence', room_id: 'lobby', state: { busy: true } })
    await bob.next('presence')
    bob.send({ type: 'leave', room_id: 'lobby' })
    await bob.next('left')
    const member = { user_id: 'bob' }
    const expected = [
      { version: 2, event: 'enter', members: [{ user_id: 'eve' }] },
      { version: 3, event: 'enter', members: [member] },
      { version: 4, event: 'update', members: [{ ...member, state: { busy: true } }] },
      { version: 5, event: 'leave', members: [{ ...member, state: { busy: true } }] },
    ]
    for (const diff of expected)
      expect(await ana.next('presence')).toEqual({ type: 'presence', room_id: 'lobby', ...diff })
    await naive.never('presence')
  })

  it('[P3] presence enter accompanies user_joined', async () => {
    const { url } = await serve(users)
    const [ana, bob] = [
      await connectExtended(url, { token: 'ana' }),
      await connectExtended(url, { token: 'bob' }),
    ]
    await ana.join('lobby')
    await bob.join('lobby')
    await ana.next('user_joined')
    const types = ana.frames.slice(3).map(({ type }) => type)
    expect(types.sort()).toEqual(['presence', 'user_joined'])
  })

  it('[P5] [J3] a join of a member gives the whole list with its version', async () => {
    const { url } = await serve(users)
    const [ana, bob] = [
      await connectExtended(url, { token: 'ana' }),
      await connectExtended(url, { token: 'bob' }),
    ]
    await ana.join('lobby')
    await bob.join('lobby')
    expect(await ana.join('lobby')).toMatchObject({
      presence_version: 2,
      members: [{ user_id: 'ana' }, { user_id: 'bob' }],
    })
  })

  it('[P6] presence in a large room there are no frames, but the state is kept until it is small again', async () => {
    const { url } = await serve({ ...users, limits: { listedMembers: 1 } })
    const [ana, bob] = [
      await connectExtended(url, { token: 'ana' }),
      await connectExtended(url, { token: 'bob' }),
    ]
    await ana.join('lobby')
    await bob.join('lobby')
    ana.send({ type: 'presence', state: { busy: true } })
    await ana.never('presence')
    await bob.ask({ type: 'leave' }, 'left')
    expect(await ana.next('presence')).toEqual({
      type: 'presence',
      room_id: 'lobby',
      version: 4,
      event: 'snapshot',
      members: [{ user_id: 'ana', state: { busy: true } }],
    })
  })
})
