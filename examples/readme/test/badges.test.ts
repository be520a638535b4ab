import { createClient } from '@roomful/client'
import { createServer, memory } from '@roomful/server'
import { expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { showBadges } from '../badges.js'

it('a badge shows what is unread in a room that is not joined, and nothing once the list is gone', async () => {
  const server = createServer({ backplane: memory() })
  const { url } = await server.listen({ port: 0 })
  onTestFinished(() => server.close())
  const client = createClient({ url, WebSocket, session: 'memory' })
  onTestFinished(() => client.close())
  await server.room('general').chat.send('One')
  const badges = new Map<string, string>()
  const end = showBadges(client, ['general', 'random'], (id, badge) => badges.set(id, badge))
  await expect.poll(() => badges.get('general'), { timeout: 10_000 }).toBe('1')
  await server.room('general').chat.send('Two')
  await expect.poll(() => badges.get('general'), { timeout: 10_000 }).toBe('2')
  expect(badges.get('random')).toBe('')
  end()
})
