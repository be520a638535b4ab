import { memory } from '@roomful/server'
import { redis } from '@roomful/server/redis'
import { expect, it, onTestFinished } from 'vitest'
import { connect, connectExtended } from '../support/connect.js'
import { RedisServer } from '../support/redis.js'
import { serve } from '../support/wire-server.js'

const stores = {
  'in memory': async () => memory(),
  'in Redis': async () => {
    const store = await RedisServer.start()
    onTestFinished(() => store.remove())
    return redis({ url: store.url })
  },
}

it.each(Object.entries(stores))(
  '[M15] [B4] an erasure %s reaches extended members as an entry of the log, and base members as nothing',
  async (_, backplane) => {
    const { url, server } = await serve({ backplane: await backplane() })
    const [ana, bob] = [await connectExtended(url), await connect(url)]
    await ana.join('lobby')
    await bob.join('lobby')
    await bob.chat('lobby', 'one')
    const { user_id, id, timestamp, epoch } = await ana.next('chat_message')
    await server.user(String(user_id)).erase()
    const told = await ana.next('messages_erased')
    expect(told).toEqual({
      type: 'messages_erased',
      user_id,
      through: 1,
      timestamp: expect.any(String),
      room_id: 'lobby',
      id: expect.any(String),
      epoch,
      offset: 2,
    })
    await bob.never('messages_erased')
    const history = await ana.ask({ type: 'history', room_id: 'lobby' }, 'history')
    expect(history.covers).toEqual({ from: 1, to: 2 })
    expect(history.messages).toEqual([
      {
        type: 'chat_message',
        message: '',
        timestamp,
        user_id,
        room_id: 'lobby',
        id,
        version: 1,
        deleted: true,
        epoch,
        offset: 1,
      },
    ])
  },
)

it('[M15] [D7] an erasure in Redis takes the texts of edits from the changes, also of others and of what the room has dropped', async () => {
  const store = await RedisServer.start()
  onTestFinished(() => store.remove())
  const { server } = await serve({ backplane: redis({ url: store.url, changes: {}, historyCount: 5 }) })
  const { chat } = server.room('lobby')
  const mine = await chat.send('ana lives at secret road 5', { as: 'ana' })
  await chat.edit(mine, 'ana lives at secret road', { as: 'mod' })
  const theirs = await chat.send('hello', { as: 'bob' })
  await chat.edit(theirs, 'bob knows the secret', { as: 'bob' })
  await chat.edit(theirs, 'the secret is known', { as: 'ana' })
  const other = await chat.send('good morning', { as: 'bob' })
  await chat.edit(other, 'good evening', { as: 'mod' })
  for (let n = 0; n < 8; n++) await chat.send(`later ${n}`, { as: 'bob' })
  await server.user('ana').erase()
  const changes: object[] = []
  for await (const { message } of server.changes({ live: false })) changes.push(message)
  expect(JSON.stringify(changes)).not.toContain('secret')
  expect(changes).toHaveLength(15)
  expect(changes).toContainEqual(expect.objectContaining({ type: 'message_edited', message: 'good evening' }))
})
