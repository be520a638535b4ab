import { expect, it } from 'vitest'
import { joinedFrame, ScriptedServer } from '../support/scripted-server.js'

it('a join after close() rejects with closed, and connect() makes the next one possible', async () => {
  const script = new ScriptedServer()
  const room = script.client.room('r')
  script.client.close()
  await expect(room.join()).rejects.toMatchObject({ code: 'closed' })
  expect(room.status.get()).toMatchObject({ state: 'left', reason: 'The client is closed' })
  await expect(script.client.room('never-joined').join()).rejects.toMatchObject({ code: 'closed' })
  script.client.connect()
  await script.connection.welcomes()
  const joined = room.join()
  await script.connection.says(joinedFrame(script.connection.take().at(-1)))
  await expect(joined).resolves.toMatchObject({ messages: [] })
})

it('[K1] a join of a client that failed for good rejects with what it failed of', async () => {
  const script = new ScriptedServer()
  await script.connection.welcomes()
  await script.connection.closes(4501, 'Not for you')
  const status = script.client.status.get()
  expect(status.state).toBe('failed')
  const error = await script.client
    .room('r')
    .join()
    .catch((cause: unknown) => cause)
  expect(status).toMatchObject({ error })
  expect(script.client.room('r').status.get()).toMatchObject({ state: 'left', reason: 'Not for you' })
})
