import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { StoreServer } from '../support/store-server.js'
import { type FrameOf, WireClient } from '../support/wire-client.js'
import { temporaryFolder } from './disk-stage.js'

const KILLS = 3
const MESSAGES = 40

type Ack = FrameOf<'ack'>

/** Sends many at once, and returns their acknowledgements in the order of the frames. */
async function sendAll(client: WireClient, frames: readonly object[]): Promise<readonly Ack[]> {
  client.frames.length = 0
  for (const [n, frame] of frames.entries())
    client.send({ ...frame, room_id: 'r', client_id: `${n}-${Math.random()}` })
  await client.until(() => client.all('ack').length === frames.length, 'all acknowledgements', 30_000)
  return client.all('ack') as unknown as readonly Ack[]
}

it('[D1] [D7] an edit and a deletion that were acknowledged survive a kill, with what they did to their messages', {
  timeout: 120_000,
}, async () => {
  const options = { file: join(temporaryFolder(), 'chat.db') }
  const server = await StoreServer.start({ store: 'sqlite', options })
  onTestFinished(() => server.kill())
  let session: string | undefined
  for (let kill = 0; kill < KILLS; kill++) {
    const client = await WireClient.open(server.port, session)
    session = client.session
    await client.join('r')
    const numbers = Array.from({ length: MESSAGES }, (_, n) => n)
    const sent = await sendAll(
      client,
      numbers.map((n) => ({ type: 'chat_message', message: `first words ${kill}.${n}` })),
    )
    const amended = await sendAll(
      client,
      sent.map(({ offset, id }, n) => {
        const target = { offset, id }
        return n % 2 === 0
          ? { type: 'edit_message', target, message: `last words ${kill}.${n}` }
          : { type: 'delete_message', target }
      }),
    )
    await server.kill()
    await server.restart()

    const reader = await WireClient.open(server.port)
    const { messages, covers } = await reader.join('r', { history: MESSAGES })
    const expected = sent.map(({ offset, id }, n) => {
      const version = amended[n]?.offset
      return n % 2 === 0
        ? { offset, id, version, message: `last words ${kill}.${n}` }
        : { offset, id, version, message: '', deleted: true }
    })
    expect(messages).toMatchObject(expected)
    expect(covers).toMatchObject({ from: sent[0]?.offset, to: amended.at(-1)?.offset })
    expect((await server.changes()).filter((line) => line.includes('first words'))).toEqual([])
    reader.socket.terminate()
  }
  expect(await server.faults()).toBe(0)
})
