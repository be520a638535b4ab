import { type Backplane, memory } from '@roomful/server'
import { createTestServer } from '@roomful/server/testing'
import { describe, expect, it } from 'vitest'

/** The memory backplane whose `method` answers only when `release` is called, once `hold` was. */
function held(method: 'read' | 'enter') {
  const inner = memory()
  let isHeld = false
  let release = () => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  const backplane = new Proxy(inner, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return async (...args: unknown[]) => {
        const result: unknown = await value.apply(target, args)
        if (name === method && isHeld) await released
        return result
      }
    },
  }) as Backplane
  const hold = () => {
    isHeld = true
  }
  return { backplane, hold, release }
}

const unlimited = { messagesPerSecond: Infinity, messagesBurst: Infinity, bytesPerSecond: Infinity }

describe('kicked while the backplane is asked', () => {
  it('[J12] [E17] a resume in pages is refused, and the next join is a new one', async () => {
    const { backplane, hold, release } = held('read')
    const asked: string[] = []
    const { server, connect, clock } = await createTestServer({
      backplane,
      limits: { ...unlimited, pageBytes: 1_000 },
      on: { join: ({ user }) => void asked.push(user.id) },
    })
    const ana = await connect()
    const { epoch } = await ana.join('r')
    for (let index = 0; index < 20; index++)
      ana.send({ type: 'chat_message', room_id: 'r', message: 'x'.repeat(100) })
    await clock.settle()
    const bob = await connect()
    const userId = bob.frames.find(({ type }) => type === 'authenticated')?.user_id
    const since = { epoch, offset: 0, id: epoch }

    hold()
    bob.send({ type: 'join', room_id: 'r', since, ref: 'a' })
    await clock.settle()
    server.room('r').kick(String(userId))
    release()
    expect(await bob.next()).toMatchObject({ type: 'error', code: 'forbidden', ref: 'a' })
    bob.send({ type: 'join', room_id: 'r', since, ref: 'b' })
    expect(await bob.next()).toMatchObject({ type: 'joined', ref: 'b' })
    expect(asked.filter((id) => id === userId)).toHaveLength(2)
  })

  it('[J12] [E17] a join is answered, and the others see nobody stay', async () => {
    const { backplane, hold, release } = held('enter')
    const { server, connect, clock } = await createTestServer({ backplane })
    const ana = await connect()
    await ana.join('r')
    const bob = await connect()
    const userId = bob.frames.find(({ type }) => type === 'authenticated')?.user_id
    hold()
    bob.send({ type: 'join', room_id: 'r', ref: 'a' })
    await clock.settle()
    server.room('r').kick(String(userId))
    release()
    expect(await bob.next()).toMatchObject({ type: 'error', code: 'forbidden', ref: 'a', room_id: 'r' })
    expect(await ana.next('user_left')).toMatchObject({ count: 1 })
  })

  it('[J10] a page of history does not follow the left that put its reader out', async () => {
    const { backplane, hold, release } = held('read')
    const { server, connect, clock } = await createTestServer({ backplane })
    const bob = await connect()
    const userId = bob.frames.find(({ type }) => type === 'authenticated')?.user_id
    await bob.join('r')
    bob.send({ type: 'chat_message', room_id: 'r', message: 'hi' })
    await bob.next('chat_message')
    hold()
    bob.send({ type: 'history', room_id: 'r', ref: 'h' })
    await clock.settle()
    server.room('r').kick(String(userId))
    release()
    expect(await bob.next('left')).toMatchObject({ reason: 'kicked' })
    expect(await bob.next()).toMatchObject({ type: 'error', code: 'not_in_room', ref: 'h' })
  })
})

describe('lost while the backplane is asked', () => {
  it('[J11] a user in grace does not leave because a second attempt to come back broke as well', async () => {
    const { backplane, hold, release } = held('enter')
    const { connect, clock } = await createTestServer({ backplane })
    const ana = await connect()
    await ana.join('r')
    const first = await connect()
    const session = String(first.frames.find(({ type }) => type === 'authenticated')?.session)
    await first.join('r')
    await ana.next('user_joined')
    first.link.cut()
    const second = await connect({ session })
    hold()
    second.send({ type: 'join', room_id: 'r' })
    await clock.settle()
    second.link.cut()
    release()
    await clock.advance(5_000)
    const third = await connect({ session })
    await third.join('r')
    await clock.advance(20_000)
    expect(ana.frames.filter(({ type }) => type === 'user_left')).toEqual([])
    expect(ana.frames.filter(({ type }) => type === 'user_joined')).toHaveLength(1)
  })
})

describe('sent away', () => {
  it('[J11] a user leaves at once also where the peer never answers the close', async () => {
    const { server, connect, clock } = await createTestServer({
      authenticate: ({ token }) => (token ? { userId: token } : null),
      authorize: () => true,
    })
    const ana = await connect({ token: 'ana' })
    await ana.join('r')
    const bob = await connect({ token: 'bob' })
    await bob.join('r')
    bob.link.halfOpen('to_server')
    server.user('bob').disconnect()
    await clock.advance(6_000)
    expect(await ana.next('user_left')).toMatchObject({ user_id: 'bob', count: 1 })
  })
})
