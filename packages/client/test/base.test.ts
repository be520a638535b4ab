import type { BuiltIn } from '@roomful/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { type Client, createClient } from '../src/index.js'
import { BaseServer } from './support/base-server.js'
import { reaches, until } from './support/until.js'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function serve(port?: number) {
  const server = await BaseServer.listen(port)
  cleanUps.push(() => server.close())
  return server
}

function connect(server: BaseServer) {
  const client = createClient({ url: server.url, WebSocket, backoff: { minMs: 5, baseMs: 20, maxMs: 50 } })
  cleanUps.push(() => client.close())
  return client
}

type AnyClient = ReturnType<typeof connect>

/** Resolves with the next event of a kind in a room. */
function next(
  client: AnyClient,
  type: Parameters<ReturnType<Client<BuiltIn>['room']>['on']>[0],
  room = 'general',
) {
  return new Promise<Record<string, unknown>>((resolve) => {
    const off = client.room(room).on(type as 'chat_message', (event) => {
      off()
      resolve(event as unknown as Record<string, unknown>)
    })
  })
}

describe('[B5] a client of a server that speaks only the base messages', () => {
  it('a client of a server that speaks only the base messages says so in its status, and chats', async () => {
    const server = await serve()
    const [ana, bob] = [connect(server), connect(server)]
    const result = await ana.room('general').join()
    expect(result).toEqual({ members: [], messages: [], recovered: undefined })
    expect(ana.status.get()).toMatchObject({
      state: 'online',
      mode: 'base',
      reason: 'Connected to a server without acknowledgements and recovery',
    })
    const joined = next(ana, 'user_joined')
    await bob.room('general').join()
    expect(await joined).toMatchObject({ count: 2 })
    const [atAna, atBob] = [next(ana, 'chat_message'), next(bob, 'chat_message')]
    expect(await ana.room('general').send('hello')).toEqual({ durability: 'none' })
    expect(await atAna).toMatchObject({ message: 'hello', user_id: 'user-1' })
    expect(await atBob).toMatchObject({ message: 'hello', user_id: 'user-1' })
  })

  it('a client of a server that speaks only the base messages sends base messages and base fields only', async () => {
    const server = await serve()
    const client = connect(server)
    const room = client.room('general')
    await room.join({ history: 10 })
    await until(client.latency, (latency) => latency !== undefined)
    const echo = next(client, 'chat_message')
    room.typing.keystroke()
    room.presence.set({ mood: 'fine' })
    await room.send('hello')
    await echo
    expect(
      server.received.map((text) => JSON.parse(text)).sort((a, b) => a.type.localeCompare(b.type)),
    ).toEqual([
      { type: 'chat_message', room_id: 'general', message: 'hello' },
      { type: 'join', room_id: 'general' },
      { type: 'ping' },
      { type: 'typing_start', room_id: 'general' },
    ])
    await expect(room.history()).rejects.toMatchObject({ code: 'unsupported' })
  })

  it('a client of a server that speaks only the base messages makes no optimistic entries: the timeline shows what came', async () => {
    const server = await serve()
    const client = connect(server)
    const room = client.room('general')
    await room.join()
    void room.send('hello')
    expect(room.timeline.get()).toEqual([])
    await until(room.timeline, (entries) => entries.length > 0)
    expect(room.timeline.get()).toMatchObject([
      { kind: 'message', state: 'sent', message: { message: 'hello' } },
    ])
  })

  it('a client of a server that speaks only the base messages comes back and joins again after a restart, shows a break, and sends what was written meanwhile', async () => {
    const first = await serve()
    const client = connect(first)
    const room = client.room('general')
    await room.join()
    await room.send('before')
    await until(room.timeline, (entries) => entries.length === 1)
    await first.close()
    await reaches(client.status, 'backoff')
    const written = room.send('meanwhile')
    await serve(first.port)
    await reaches(room.status, 'live')
    await written
    await until(
      room.timeline,
      (entries) => entries.length === 3 && entries[2]?.kind === 'message' && entries[2].state === 'sent',
    )
    expect(room.timeline.get()).toMatchObject([
      { kind: 'message', message: { message: 'before' } },
      { kind: 'break', reason: 'not_recoverable' },
      { kind: 'message', message: { message: 'meanwhile' } },
    ])
  })

  it('a client of a server that speaks only the base messages is in one room at a time: joining another one leaves the first', async () => {
    const server = await serve()
    const client = connect(server)
    const [a, b] = [client.room('a'), client.room('b')]
    await a.join()
    await b.join()
    expect(a.status.get()).toMatchObject({ state: 'left', reason: 'The server allows one room at a time' })
    expect(b.status.get().state).toBe('live')
  })

  it('a client of a server that speaks only the base messages hears who types', async () => {
    const server = await serve()
    const [ana, bob] = [connect(server), connect(server)]
    await Promise.all([ana.room('general').join(), bob.room('general').join()])
    ana.room('general').typing.keystroke()
    const typers = await until(bob.room('general').typing, (users) => users.length > 0)
    expect(typers).toEqual([expect.stringMatching(/^user-/)])
    ana.room('general').typing.stop()
    await until(bob.room('general').typing, (users) => users.length === 0)
  })
})
