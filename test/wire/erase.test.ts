import { expect, it } from 'vitest'
import { connect, connectExtended } from '../support/connect.js'
import { serve } from '../support/wire-server.js'

it('[M15] [B4] an erasure reaches extended members as an entry of the log, and base members as nothing', async () => {
  const { url, server } = await serve()
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
  expect(history.messages).toEqual([
    {
      type: 'chat_message',
      message: '',
      timestamp,
      user_id,
      room_id: 'lobby',
      id,
      deleted: true,
      epoch,
      offset: 1,
    },
    told,
  ])
})
