import { expect, it } from 'vitest'
import { type OutboxStorage, type RoomfulError, storedOutbox } from '../../src/index.js'
import { ackFrame, joinedFrame, ScriptedServer } from '../support/scripted-server.js'

/** Sends a message with the storage, ends the client, and returns what was told. */
async function sends(storage: Partial<Record<keyof OutboxStorage, unknown>>): Promise<RoomfulError[]> {
  const whole = { open: () => () => {}, put() {}, remove() {}, ...storage } as unknown as OutboxStorage
  const script = new ScriptedServer({ storage: storedOutbox(whole), autoConnect: undefined })
  const told: RoomfulError[] = []
  script.client.on('error', (error) => told.push(error))
  const room = script.client.room('r')
  const joined = room.join()
  await script.connection.welcomes()
  await script.connection.says(joinedFrame(script.connection.take().at(-1)))
  await joined
  const sent = room.send('hello')
  expect(script.connection.take().map(({ message }) => message)).toEqual(['hello'])
  await script.connection.says(ackFrame(sent.clientId, 1))
  expect(await sent).toMatchObject({ offset: 1 })
  // A reconnect opens nothing again.
  await script.connection.closes(1006)
  script.client.connect()
  script.client.close()
  expect(room.status.get().state).toBe('left')
  return told
}

const boom = () => {
  throw new Error('SecurityError')
}
const opens = (messages: unknown) => (_: string, opened: (messages: unknown) => void) => {
  opened(messages)
  return () => {}
}

it.each([
  ['does not open', { open: boom }],
  ['returns nothing that closes it', { open: () => 'no function' }],
  ['cannot be closed', { open: () => boom }],
  ['does not take the user', { open: opens([]), userIs: boom, put() {} }],
  ['holds no list', { open: opens(undefined) }],
  [
    'holds what is no message',
    {
      open: opens([
        null,
        {},
        5,
        { clientId: 'x' },
        { clientId: 'y', roomId: 'r', message: 5, userId: 'me', sequence: 1 },
      ]),
    },
  ],
  ['rejects', { open: opens([]), put: async () => boom(), remove() {} }],
])('a storage that %s is told as storage_failed, and messages go all the same', async (what, storage) => {
  const told = await sends(storage)
  expect(new Set(told.map(({ code }) => code))).toEqual(new Set(['storage_failed']))
  expect(told[0]?.message).toMatch(/^Unsent messages may not outlive this page: /)
  if (what !== 'does not take the user' && what !== 'rejects') expect(told).toHaveLength(1)
})

it('a stored message that cannot be read does not hold up those that can', async () => {
  const entry = { roomId: 'r', userId: 'me' }
  const bad = { ...entry, clientId: 'bad', message: 'bad', sequence: 1, data: { n: 1n } }
  const good = { ...entry, clientId: 'good', message: 'good', sequence: 2 }
  const storage = { open: opens([bad, null, good]), put() {}, remove() {} } as unknown as OutboxStorage
  const script = new ScriptedServer({ storage: storedOutbox(storage) })
  const told: string[] = []
  script.client.on('error', ({ message }) => told.push(message))
  void script.client.room('r').join()
  await script.connection.welcomes()
  await script.connection.says(joinedFrame(script.connection.take().at(-1)))
  expect(script.connection.take()).toMatchObject([{ client_id: 'good', message: 'good' }])
})
