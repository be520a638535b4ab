import { createTestServer } from '@roomful/server/testing'
import { expect, it } from 'vitest'

it('[E12] a binary frame waits for the message before it, and is rationed like one', async () => {
  const handled: string[] = []
  const slow = deferred()
  const { connect, clock } = await createTestServer({
    limits: { messagesPerSecond: 1, messagesBurst: 3 },
    on: {
      message: async () => {
        await slow.promise
        handled.push('text')
      },
      binary: () => {
        handled.push('binary')
      },
    },
  })
  const ada = await connect({ auth: false })
  ada.send({ type: 'join', room_id: 'general' })
  for (let i = 0; i < 4; i++) ada.sendBinary(new Uint8Array([i]))
  await clock.settle()
  expect(handled).toEqual([])
  slow.resolve(undefined)
  expect(await ada.next('error')).toMatchObject({ code: 'rate_limited' })
  expect(handled).toEqual(['text', 'binary', 'binary', 'binary'])
})

function deferred() {
  let resolve: (value: unknown) => void = () => {}
  const promise = new Promise((done) => {
    resolve = done
  })
  return { promise, resolve }
}
