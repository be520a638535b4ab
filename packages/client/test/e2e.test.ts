import { createServer, type Server } from '@roomful/server'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { type Client, createClient } from '../src/index.js'
import { reaches, until } from './support/until.js'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function serve() {
  const server = createServer({ logger: { debug() {}, info() {}, warn() {}, error() {} } })
  const { port } = await server.listen({ port: 0, host: '127.0.0.1' })
  cleanUps.push(() => server.close({ drainMs: 0 }))
  return { server, url: `ws://127.0.0.1:${port}` }
}

function connect(url: string) {
  const client = createClient({ url, WebSocket })
  cleanUps.push(() => client.close())
  return client
}

describe('a client and a server', () => {
  it('[M1] [M5] a message reaches everyone in the room and is acknowledged', async () => {
    const { url } = await serve()
    const [ana, bob] = [connect(url), connect(url)]
    const heard = new Promise((resolve) => bob.room('general').on('chat_message', resolve))
    await Promise.all([ana.room('general').join(), bob.room('general').join()])
    const sent = ana.room('general').send('hello')
    expect(sent.state).toBe('pending')
    expect(await sent).toMatchObject({ offset: 1, durability: 'memory' })
    expect(sent.state).toBe('sent')
    expect(await heard).toMatchObject({ message: 'hello', offset: 1, user_id: ana.user.get() })
    expect(ana.room('general').timeline.get()).toMatchObject([
      { kind: 'message', state: 'sent', message: { message: 'hello', offset: 1 } },
    ])
  })
})
