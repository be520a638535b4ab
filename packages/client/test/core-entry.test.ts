import { createServer, memory } from '@roomful/server'
import { afterEach, describe, expect, expectTypeOf, it } from 'vitest'
import { WebSocket } from 'ws'
import { type Client, createClient, type Room } from '../src/core.js'
import { createClient as createWithTimeline, type Client as FullClient } from '../src/index.js'
import { createHooks } from '../src/react.js'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function serve(): Promise<string> {
  const server = createServer({ backplane: memory() })
  cleanUps.push(() => server.close({ drainMs: 0 }))
  return `ws://127.0.0.1:${(await server.listen({ port: 0, host: '127.0.0.1' })).port}/`
}

function connect<C extends Pick<Client, 'close'>>(client: C): C {
  cleanUps.push(() => client.close())
  return client
}

describe('@roomful/client/core', () => {
  it('@roomful/client/core sends, receives, pages and resumes like the main entry, without a timeline', async () => {
    const url = await serve()
    const [ana, bob] = [
      connect(createClient({ url, WebSocket })).room('general'),
      connect(createWithTimeline({ url, WebSocket })).room('general'),
    ]
    await ana.join()
    await bob.join()
    const heard = new Promise((resolve) => ana.on('chat_message', ({ message }) => resolve(message)))
    await bob.send('from bob')
    expect(await heard).toBe('from bob')
    const sent = ana.send('from ana')
    expect(sent.state).toBe('pending')
    expect(await sent).toMatchObject({ offset: 2 })
    const { messages } = await ana.history({ limit: 10 })
    expect(messages.map((entry) => 'message' in entry && entry.message)).toEqual(['from bob', 'from ana'])
    expect(ana).toHaveProperty('timeline', undefined)
    expect(bob.timeline.get()).toHaveLength(2)
    expect(() => ana.send('').cancel()).not.toThrow()
  })

  it('@roomful/client/core promises no timeline', () => {
    expectTypeOf<Room>().not.toHaveProperty('timeline')
    expectTypeOf<FullClient>().toExtend<Client>()
    expectTypeOf<Client>().not.toExtend<FullClient>()
    const types = (client: Client, full: FullClient) => {
      expectTypeOf(createHooks(client).useRoom).returns.toEqualTypeOf<Room>()
      expectTypeOf(createHooks(client)).not.toHaveProperty('useTimeline')
      expectTypeOf(createHooks(full).useRoom).returns.toHaveProperty('timeline')
    }
    expect(types).toBeTypeOf('function')
  })
})
