import { defineProtocol } from '@roomful/protocol'
import { createServer, type Roomful } from '@roomful/server'
import { createElement } from 'react'
import { renderToString } from 'react-dom/server'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import * as z from 'zod/mini'
import { type Client, type ClientOptions, createClient, type Snapshot } from '../src/index.js'
import { createHooks, useClient, useObservable } from '../src/react.js'
import * as development from '../src/runtime/strings.js'
import * as production from '../src/runtime/strings.production.js'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function serve(): Promise<{ server: Roomful; url: string }> {
  const server = createServer({ logger: { debug() {}, info() {}, warn() {}, error() {} } })
  cleanUps.push(() => server.close({ drainMs: 0 }))
  return { server, url: (await server.listen({ port: 0, host: '127.0.0.1' })).url }
}

/** Renders a chat as a server does for each page; returns the text of the page. */
function render(create: () => Client): string {
  function Chat() {
    const client = useClient(create)
    const { useRoom, useStatus } = createHooks(client)
    const room = useRoom('general', { history: 50 })
    const values = [room.status, room.timeline, room.members, room.occupancy, room.typing]
    const shown = [client.status, client.user, client.latency, ...values].map((value) => {
      // biome-ignore lint/correctness/useHookAtTopLevel: always the same values
      return JSON.stringify(useObservable<unknown>(value)) ?? 'nothing'
    })
    return createElement('p', null, useStatus().state, ' ', shown.join(' '))
  }
  const html = renderToString(createElement(Chat))
  return html.replace(/<!-- -->|<[^>]+>/g, '').replaceAll('&quot;', '"')
}

const NOTHING =
  'idle {"state":"idle","reason":"Not connected yet"} nothing nothing {"state":"idle","reason":"Not joined yet"} [] [] 0 []'

/** In a surrounding without what Node 20 does not have, and a later one may. */
function without(names: readonly string[]): void {
  for (const name of names) {
    const own = Object.getOwnPropertyDescriptor(globalThis, name)
    if (!own) continue
    Object.defineProperty(globalThis, name, { value: undefined, configurable: true, writable: true })
    cleanUps.push(() => Object.defineProperty(globalThis, name, own))
  }
}

it.each<Partial<ClientOptions>>([{ url: '/ws' }, { url: './ws' }, { url: 'ws://127.0.0.1:1/' }])(
  'a server without WebSocket, location and storage renders a client with %j as one that never connected',
  (options) => {
    without(['WebSocket', 'location', 'sessionStorage', 'localStorage'])
    expect(render(() => createClient(options as ClientOptions))).toBe(NOTHING)
  },
)

it('rendering on a server opens no connection, however many pages it renders', async () => {
  const { server, url } = await serve()
  const dialled: string[] = []
  class Counted extends WebSocket {
    constructor(url: string) {
      super(url)
      dialled.push(url)
    }
  }
  for (let page = 0; page < 20; page++) render(() => createClient({ url, WebSocket: Counted }))
  // A client that dials is heard of after those, if they dialled.
  const witness = createClient({ url, WebSocket: Counted })
  cleanUps.push(() => witness.close())
  await witness.room('general').join()
  expect(dialled).toHaveLength(1)
  expect(server.stats().connections).toBe(1)
})

it('a server renders nothing of a client that is connected, as at module scope: the page could not match it', async () => {
  const { url } = await serve()
  const client = createClient({ url, WebSocket })
  cleanUps.push(() => client.close())
  const room = client.room('general')
  await room.join()
  await room.send('hello')
  expect(room.timeline.get()).toHaveLength(1)
  expect(render(() => client)).toBe(NOTHING)
})

it('what a server renders is the same in the build of a page', () => {
  expect(production.notConnected).toBe(development.notConnected)
  expect(production.notJoined).toBe(development.notJoined)
})

it('connecting to a path where there is no page is refused in words, by connect() and by join()', async () => {
  const client = createClient({ url: '/ws', WebSocket })
  const refusal = /^createClient: url '\/ws' is a path.* pass a full URL/
  expect(() => client.connect()).toThrow(refusal)
  await expect(client.room('general').join()).rejects.toThrow(refusal)
  expect(client.status.get().state).toBe('idle')
})

it('the first join connects, and the room is live without connect()', async () => {
  const { server, url } = await serve()
  const client = createClient({ url, WebSocket })
  cleanUps.push(() => client.close())
  expect(client.status.get().state).toBe('idle')
  await client.room('general').join()
  expect(client.status.get().state).toBe('online')
  expect(server.stats().connections).toBe(1)
})

it('with autoConnect: false a join waits for connect()', async () => {
  const { url } = await serve()
  const client = createClient({ url, WebSocket, autoConnect: false })
  cleanUps.push(() => client.close())
  const joined = client.room('general').join()
  expect(client.status.get().state).toBe('idle')
  client.connect()
  await joined
})

it('rest() hangs up a connection that a join opened and no room needs; the next join opens it again', async () => {
  const { url } = await serve()
  const client = createClient({ url, WebSocket })
  cleanUps.push(() => client.close())
  const room = client.room('general')
  await room.join()
  client.rest()
  expect(client.status.get().state).toBe('online')
  await room.leave()
  client.rest()
  expect(client.status.get()).toEqual({ state: 'idle', reason: 'Not connected yet' })
  await room.join()
  expect(client.status.get().state).toBe('online')
})

it('rest() leaves a connection that connect() asked for', async () => {
  const { url } = await serve()
  const client = createClient({ url, WebSocket })
  cleanUps.push(() => client.close())
  client.connect()
  const room = client.room('general')
  await room.join()
  await room.leave()
  client.rest()
  expect(client.status.get().state).toBe('online')
})

describe('a room rendered with what it held', () => {
  const protocol = defineProtocol({
    client: {},
    server: {},
    chat: z.object({
      at: z.pipe(
        z.string(),
        z.transform((text) => new Date(text)),
      ),
    }),
  })
  const client = createClient({ url: '/ws', protocol })
  const { useRoom, useTimeline, useMembers, useStatus } = createHooks(client)
  const entry = { type: 'chat_message', timestamp: '', user_id: 'ana', room_id: 'r', epoch: 'e' } as const
  const initial = {
    messages: [
      { ...entry, offset: 1, id: 'a', message: 'hello', data: { at: '2026-01-01T00:00:00Z' } },
      { ...entry, offset: 3, id: 'c', type: 'of_a_newer_contract' },
    ],
    members: [{ user_id: 'ana' }],
    count: 7,
    cursor: { epoch: 'e', offset: 3, id: 'c' },
  }

  function Room({ id = 'r', initial }: { id?: string; initial?: Snapshot }) {
    const room = useRoom(id, { initial })
    const texts = useTimeline(room).map((entry) => {
      if (entry.kind === 'break' || entry.message.type !== 'chat_message') return '?'
      return `${entry.message.message} in ${entry.message.data?.at.getFullYear()}`
    })
    const members = useMembers(room).map(({ user_id }) => user_id)
    return [useStatus(room).state, texts, members, useObservable(room.occupancy)].join(' ')
  }

  it('shows messages, as the protocol reads them, members and their number', () => {
    expect(renderToString(createElement(Room, { initial }))).toBe('idle hello in 2026 ana 7')
  })

  it('and leaves nothing in the client, which all users share on a server', () => {
    renderToString(createElement(Room, { initial }))
    expect(renderToString(createElement(Room))).toBe('idle   0')
  })

  it('shows nothing of another room', () => {
    expect(renderToString(createElement(Room, { id: 'other', initial }))).toBe('idle   0')
  })
})
