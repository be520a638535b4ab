import { expect, it } from 'vitest'
import { type OutboxStorage, type StoredMessage, storedOutbox } from '../../src/index.js'
import { chatFrame, errorFrame, joinedFrame, ScriptedServer } from '../support/scripted-server.js'

/** A storage whose opening the test decides on. */
function storage(...stored: StoredMessage[]) {
  const kept = new Map(stored.map((message) => [message.clientId, message]))
  const waiting: (() => void)[] = []
  const outbox: OutboxStorage = {
    open(_, opened) {
      let isOpen = true
      waiting.push(() => isOpen && opened([...kept.values()]))
      return () => {
        isOpen = false
      }
    },
    put: (_, message) => void kept.set(message.clientId, message),
    remove: (_, clientId) => void kept.delete(clientId),
  }
  const open = () => {
    for (const run of waiting.splice(0)) run()
  }
  return { outbox, kept, open }
}

const stored = { clientId: 'c1', roomId: 'r', message: 'secret', userId: 'me', sequence: 1 }

it.each([
  ['before the storage could be opened', true],
  ['without having connected', false],
])('forget() clears what is stored also %s', async (_, autoConnect) => {
  const { outbox, kept, open } = storage(stored)
  const { client } = new ScriptedServer({ storage: storedOutbox(outbox), autoConnect })
  client.forget()
  open()
  expect(kept.size).toBe(0)
})

it('close() leaves to the next page what is stored', async () => {
  const { outbox, kept, open } = storage(stored)
  const { client } = new ScriptedServer({ storage: storedOutbox(outbox) })
  client.close()
  open()
  expect(kept.size).toBe(1)
})

it('forget() leaves nothing of a user to the next one: no timeline, no members, no place to resume from', async () => {
  const script = new ScriptedServer()
  const room = script.client.room('r')
  void room.join()
  room.presence.set({ mood: 'private' })
  await script.connection.welcomes('me')
  await script.connection.says(joinedFrame(script.connection.take().find(({ type }) => type === 'join')))
  await script.connection.says(chatFrame(1))
  expect(room.timeline.get()).toHaveLength(1)
  script.client.forget()
  expect([room.timeline.get(), room.members.get()]).toEqual([[], []])
  expect(room.status.get().state).toBe('left')
  script.client.connect()
  void script.client.room('r').join()
  await script.connection.welcomes('other')
  const join = script.connection.take().find(({ type }) => type === 'join')
  expect(join).not.toHaveProperty('since')
  await script.connection.says(joinedFrame(join))
  expect(script.connection.take()).toEqual([])
})

it('after forget(), the next join connects with a token of whoever has logged in by then', async () => {
  let loggedIn = 'ada'
  const script = new ScriptedServer({ token: () => loggedIn, autoConnect: undefined })
  const room = script.client.room('r')
  void room.join()
  await script.clock.settle()
  await script.connection.welcomes('ada')
  script.client.forget()
  expect(script.connection.closedBy?.code).toBe(1000)
  expect(script.client.status.get()).toEqual({ state: 'idle', reason: 'Logged out' })
  await script.clock.advance(60_000)
  expect(script.connections).toHaveLength(1)
  loggedIn = 'bob'
  void room.join()
  await script.clock.settle()
  await script.connection.welcomes('bob')
  const sent = script.connection.take()
  expect(sent).toMatchObject([
    { type: 'auth', token: 'bob' },
    { type: 'join', room_id: 'r' },
  ])
  expect(sent[0]).not.toHaveProperty('session')
  await script.connection.says(joinedFrame(sent[1]))
  expect([script.client.user.get(), room.status.get().state]).toEqual(['bob', 'live'])
})

it('after forget(), the next join connects also where the last token was refused for good', async () => {
  const script = new ScriptedServer({ token: () => 'nobody', autoConnect: undefined })
  const room = script.client.room('r')
  void room.join()
  await script.clock.settle()
  await script.connection.opens()
  await script.connection.says(errorFrame('invalid_token'))
  await script.connection.closes(4500)
  await script.clock.advance(1_000)
  expect(script.client.status.get()).toMatchObject({ state: 'failed', code: 4500 })
  script.client.forget()
  void room.join()
  await script.clock.settle()
  expect(script.client.status.get().state).toBe('dialing')
})

it('after forget(), the next user keeps the messages that the server rendered, and continues after them', async () => {
  const script = new ScriptedServer({ token: 'secret', autoConnect: undefined })
  const room = script.client.room('r')
  void room.join()
  await script.connection.welcomes('ada')
  script.client.forget()
  const cursor = { epoch: 'e1', offset: 1, id: 'id-1' }
  const rendered = { ...chatFrame(1), ...cursor, room_id: 'r' }
  void room.join({ initial: { messages: [rendered], members: [{ user_id: 'bob' }], count: 1, cursor } })
  await script.connection.welcomes('bob')
  const join = script.connection.take().find(({ type }) => type === 'join')
  expect(join).toMatchObject({ since: { offset: 1 } })
  await script.connection.says(joinedFrame(join, { offset: 1, id: 'id-1' }), chatFrame(2))
  expect(room.timeline.get()).toMatchObject([{ message: { offset: 1 } }, { message: { offset: 2 } }])
})

it('another user, known by a token, sees nothing of the one before, and joins as if new', async () => {
  const script = new ScriptedServer({ token: 'secret' })
  const room = script.client.room('r')
  void room.join({ history: 5 })
  await script.connection.welcomes('me')
  const joins = () => script.connection.take().filter(({ type }) => type === 'join')
  await script.connection.says(joinedFrame(joins()[0]), chatFrame(1))
  await script.connection.closes(1006)
  await script.clock.advance(1_000)
  await script.connection.welcomes('me')
  expect(joins()).toMatchObject([{ since: { offset: 1 } }])
  expect(room.timeline.get()).toHaveLength(1)
  await script.connection.closes(1006)
  await script.clock.advance(1_000)
  await script.connection.welcomes('other')
  const [join] = joins()
  expect(join).toMatchObject({ room_id: 'r', history: 5 })
  expect(join).not.toHaveProperty('since')
  expect(room.timeline.get()).toEqual([])
})

it('what is stored is named by the server, not by a token in its URL', () => {
  const names: string[] = []
  const { outbox } = storage()
  const open: OutboxStorage['open'] = (name, ...rest) => {
    names.push(name)
    return outbox.open(name, ...rest)
  }
  const url = 'wss://example.org/ws?token=secret&seat=2#top'
  new ScriptedServer({ url, storage: storedOutbox({ ...outbox, open }) }).client.close()
  expect(names).toEqual(['wss://example.org/ws?seat=2'])
})
