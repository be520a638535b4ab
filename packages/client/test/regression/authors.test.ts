import { expect, it } from 'vitest'
import { chatFrame, joinedFrame, ScriptedServer } from '../support/scripted-server.js'

it('a message takes no other user’s message out of the timeline, whatever its client_id', async () => {
  const script = new ScriptedServer()
  const room = script.client.room('r')
  await script.connection.welcomes()
  void room.join()
  await script.connection.says(joinedFrame(script.connection.take().at(-1)))
  await script.connection.says(
    chatFrame(1, { user_id: 'b c', client_id: 'a' }),
    chatFrame(2, { user_id: 'c', client_id: 'a b' }),
  )
  expect(room.timeline.get()).toMatchObject([{ message: { offset: 1 } }, { message: { offset: 2 } }])
})
