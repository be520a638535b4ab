import { describe, expect, it } from 'vitest'
import { connect, connectExtended } from '../support/connect.js'
import { serve, until, WireClock } from '../support/wire-server.js'

const users = {
  authenticate: ({ token }: { token: string | undefined }) => ({ userId: token ?? '' }),
  authorize: () => true,
}

async function pair(url: string) {
  const [ana, bob] = [
    await connectExtended(url, { token: 'ana' }),
    await connectExtended(url, { token: 'bob' }),
  ]
  await ana.join('lobby')
  await bob.join('lobby')
  return { ana, bob }
}

describe('typing', () => {
  it('[T1] typing is told to the others, and not answered', async () => {
    const { url } = await serve(users)
    const { ana, bob } = await pair(url)
    ana.send({ type: 'typing_start', room_id: 'lobby' })
    expect(await bob.next('user_typing')).toEqual({
      type: 'user_typing',
      user_id: 'ana',
      timestamp: expect.any(String),
      room_id: 'lobby',
    })
    ana.send({ type: 'typing_stop' })
    expect(await bob.next('user_stopped_typing')).toMatchObject({ user_id: 'ana', room_id: 'lobby' })
    for (const type of ['user_typing', 'user_stopped_typing', 'error']) await ana.never(type)
  })

  it('[T1] typing is told to the typist’s other connections too, which are others', async () => {
    const { url } = await serve(users)
    const { ana } = await pair(url)
    const phone = await connectExtended(url, { token: 'ana' })
    await phone.join('lobby')
    ana.send({ type: 'typing_start' })
    expect(await phone.next('user_typing')).toMatchObject({ user_id: 'ana' })
  })

  it('[T2] typing ends by itself after 5 s, unless it is renewed', async () => {
    const clock = new WireClock()
    const { url } = await serve({ ...users, clock })
    const { ana, bob } = await pair(url)
    ana.send({ type: 'typing_start' })
    await bob.next('user_typing')
    await clock.advance(4_000)
    ana.send({ type: 'typing_start' })
    expect(await bob.next('user_typing')).toMatchObject({ user_id: 'ana' })
    await clock.advance(4_500)
    await bob.never('user_stopped_typing')
    await clock.advance(500)
    await bob.next('user_stopped_typing')
    await ana.never('user_stopped_typing')
  })

  it('[T2] typing is not sent on again within 2 s', async () => {
    const clock = new WireClock()
    const { url } = await serve({ ...users, clock })
    const { ana, bob } = await pair(url)
    ana.send({ type: 'typing_start' })
    await bob.next('user_typing')
    await clock.advance(1_000)
    ana.send({ type: 'typing_start' })
    await ana.settled()
    await bob.never('user_typing')
    await clock.advance(1_000)
    ana.send({ type: 'typing_start' })
    await bob.next('user_typing')
  })

  it('[T3] typing ends with a chat message, before it', async () => {
    const { url } = await serve(users)
    const { ana, bob } = await pair(url)
    ana.send({ type: 'typing_start' })
    await bob.next('user_typing')
    ana.send({ type: 'chat_message', message: 'done' })
    await bob.next('chat_message')
    expect(bob.frames.slice(-2).map(({ type }) => type)).toEqual(['user_stopped_typing', 'chat_message'])
  })

  it('[T3] typing ends with a leave and with the loss of the connection, at once', async () => {
    const clock = new WireClock()
    const { url } = await serve({ ...users, clock })
    const { ana, bob } = await pair(url)
    ana.send({ type: 'typing_start' })
    await bob.next('user_typing')
    ana.send({ type: 'leave' })
    await bob.next('user_stopped_typing')
    await ana.join('lobby')
    ana.send({ type: 'typing_start' })
    await bob.next('user_typing')
    await ana.vanish()
    await bob.next('user_stopped_typing')
  })

  it('[T4] typing ends when the user’s last connection stops', async () => {
    const { url } = await serve(users)
    const { ana, bob } = await pair(url)
    const phone = await connectExtended(url, { token: 'ana' })
    await phone.join('lobby')
    for (const device of [ana, phone]) {
      device.send({ type: 'typing_start' })
      await device.settled()
    }
    await bob.next('user_typing')
    await bob.never('user_typing')
    ana.send({ type: 'typing_stop' })
    await ana.settled()
    await bob.never('user_stopped_typing')
    phone.send({ type: 'typing_stop' })
    await bob.next('user_stopped_typing')
  })

  it('[T5] a stop of a user who was not typing is sent on all the same', async () => {
    const { url } = await serve(users)
    const { ana, bob } = await pair(url)
    ana.send({ type: 'typing_stop' })
    expect(await bob.next('user_stopped_typing')).toMatchObject({ user_id: 'ana' })
  })

  it('[T6] typing of one user too many is dropped without an error', async () => {
    const { url } = await serve({ limits: { typersPerRoom: 1 } })
    const [ana, bob, eve] = [await connect(url), await connect(url), await connect(url)]
    for (const client of [ana, bob, eve]) await client.join('lobby')
    ana.send({ type: 'typing_start' })
    await eve.next('user_typing')
    bob.send({ type: 'typing_start' })
    await bob.never('error')
    await eve.never('user_typing')
    ana.send({ type: 'typing_stop' })
    await eve.next('user_stopped_typing')
    bob.send({ type: 'typing_start' })
    await eve.next('user_typing')
  })

  it('[T6] typing beyond the rate is dropped without an error', async () => {
    const clock = new WireClock()
    const { url, server } = await serve({ clock, limits: { messagesBurst: 3, messagesPerSecond: 1 } })
    const ana = await connect(url)
    await ana.join('lobby')
    for (let n = 0; n < 10; n++) ana.send({ type: 'typing_stop' })
    await until(() => /messages_in_total 11\n/.test(server.metrics()))
    expect(await ana.refusal({ type: 'chat_message', message: 'x' })).toBe('rate_limited')
    expect(ana.frames.filter(({ type }) => type === 'error')).toHaveLength(1)
  })
})
