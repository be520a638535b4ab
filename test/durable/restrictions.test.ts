import { join } from 'node:path'
import { createRest } from '@roomful/server/rest'
import { expect, it, onTestFinished } from 'vitest'
import { StoreServer } from '../support/store-server.js'
import { WireClient } from '../support/wire-client.js'
import { temporaryFolder } from './disk-stage.js'

const API_KEY = 'a-key-of-the-test,-of-32-or-more'
const KILLS = 3

it('[S1] [S2] [S5] a mute and a ban of which the application was told survive a kill', {
  timeout: 120_000,
}, async () => {
  const options = { file: join(temporaryFolder(), 'chat.db') }
  const server = await StoreServer.start({ store: 'sqlite', options, apiKey: API_KEY })
  onTestFinished(() => server.kill())
  const { session, userId } = await WireClient.open(server.port)
  const stranger = await WireClient.open(server.port)
  for (let kill = 0; kill < KILLS; kill++) {
    const rest = createRest({ url: `http://127.0.0.1:${server.port}/api`, key: API_KEY })
    await Promise.all([
      rest.room(`muted-${kill}`).mute(userId, { forMs: 3_600_000 }),
      rest.room(`banned-${kill}`).ban(userId),
      rest.ban(stranger.userId),
    ])
    await server.kill()
    await server.restart()

    const client = await WireClient.open(server.port, session)
    expect(client.userId).toBe(userId)
    for (let earlier = 0; earlier <= kill; earlier++) {
      await client.join(`muted-${earlier}`)
      const message = { type: 'chat_message', room_id: `muted-${earlier}`, message: 'x', client_id: 'c' }
      const refusal = await client.ask(message, 'error')
      expect(refusal.code).toBe('muted')
      expect(refusal.retry_after_ms).toBeGreaterThan(3_000_000)
      expect(await client.refusal({ type: 'join', room_id: `banned-${earlier}` })).toBe('banned')
    }
    await expect(WireClient.open(server.port, stranger.session)).rejects.toThrow('"code":"banned"')
    await client.join('free')
    await client.chat('free', 'all else works')
    client.socket.terminate()
  }
  expect(await server.faults()).toBe(0)
})
