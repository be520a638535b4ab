import { createClient } from '@roomful/client'
import { expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { takePart } from './client.js'
import { protocol } from './protocol.js'
import { server } from './server.js'

it('docs/own-messages.md: requests are answered, logged messages are in the history, volatile ones are not', async () => {
  const { url } = await server.listen({ port: 0 })
  onTestFinished(() => server.close())
  const enter = async () => {
    const client = createClient({ url, protocol, WebSocket, session: 'memory' })
    onTestFinished(() => client.close())
    const lines: string[] = []
    await takePart(client, (line) => lines.push(line))
    return { lines, user: client.user.get() }
  }
  const ana = await enter()
  const bob = await enter()
  expect(ana.lines.slice(0, 2)).toEqual([`${ana.user} bids 120`, 'You lead'])
  expect(bob.lines).toEqual([`${ana.user} bid 120`, 'Too little'])
  await expect.poll(() => ana.lines.at(-1), { timeout: 10_000 }).toBe(`${bob.user} points at 1, 2`)
})

it('docs/own-messages.md: an invalid message is refused with the field that is wrong', async () => {
  const client = createClient({ url: 'ws://localhost:1', protocol, WebSocket, session: 'memory' })
  onTestFinished(() => client.close())
  const refused = client.room('auction').request('bid', { price: -1 })
  await expect(refused).rejects.toMatchObject({ code: 'invalid_message', issues: [{ path: 'price' }] })
})
