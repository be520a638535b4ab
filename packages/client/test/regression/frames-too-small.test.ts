import { createServer } from '@roomful/server'
import { VirtualClock } from '@roomful/server/testing'
import { expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { createClient, type RoomfulError, type SocketHandlers } from '../../src/index.js'
import { joinedFrame, ScriptedServer } from '../support/scripted-server.js'
import { reaches } from '../support/until.js'

const hello = (frame_bytes: number) => ({
  type: 'system',
  message: '',
  timestamp: '',
  protocol: 1,
  limits: { frame_bytes },
})

it('[C2] a token larger than the server’s frames ends it for good, in words, and not the process', async () => {
  const server = createServer({
    authenticate: () => ({ userId: 'ana' }),
    authorize: () => true,
    limits: { frameBytes: 1_000 },
    logger: { debug() {}, info() {}, warn() {}, error() {} },
  })
  const { url } = await server.listen({ port: 0, host: '127.0.0.1' })
  const client = createClient({ url, WebSocket, token: () => 'jwt.'.repeat(300) })
  const joined = client.room('r').join()
  const status = await reaches(client.status, 'failed')
  expect(status).toMatchObject({ code: 1009, error: { code: 'too_large' } })
  expect(status.reason).toMatch(
    /frames of up to 1,000 bytes, but a frame that the connection itself needs has 1,2\d\d: .*frameBytes/,
  )
  await expect(joined).rejects.toBe(status.error)
  await server.close()
})

it('[C2] a server whose frames hold not even an auth or a ping is left', async () => {
  for (const [bytes, isGreeted] of [
    [10, false],
    [25, true],
  ] as const) {
    const script = new ScriptedServer()
    await script.connection.opens()
    await script.connection.says(hello(isGreeted ? 100 : bytes))
    if (isGreeted) {
      await script.connection.says(
        { ...hello(bytes) },
        { type: 'authenticated', user_id: 'me', session: 's' },
      )
    }
    expect(script.client.status.get()).toMatchObject({ state: 'failed', error: { code: 'too_large' } })
    expect(script.connection.closedBy).toEqual({ code: 1000, reason: 'too_large' })
    await script.clock.advance(60_000)
    expect(script.connections).toHaveLength(1)
    expect(script.clock.pending).toBe(0)
  }
})

it('[C13] a new token that is too large ends a live connection in words as well', async () => {
  let token = 'short'
  const script = new ScriptedServer({ token: () => token })
  await script.clock.advance(0)
  await script.connection.opens()
  await script.connection.says(hello(100))
  await script.connection.says({ type: 'authenticated', user_id: 'me', session: 's', expires_in_ms: 4_000 })
  token = 'x'.repeat(200)
  await script.clock.advance(3_000)
  expect(script.client.status.get()).toMatchObject({ state: 'failed', error: { code: 'too_large' } })
})

it('[T7] the end of typing, which a timer tells, is an error event where it is too large', async () => {
  const script = new ScriptedServer()
  const errors: string[] = []
  script.client.on('error', ({ code }) => errors.push(code))
  const room = script.client.room('r')
  await script.connection.welcomes()
  void room.join()
  await script.connection.says(joinedFrame(script.connection.take().at(-1)))
  room.typing.keystroke()
  await script.connection.says(hello(30))
  await script.clock.advance(3_000)
  expect(errors).toEqual(['too_large'])
})

it('what throws while a frame is read is an error event, and the connection is tried again', async () => {
  const clock = new VirtualClock()
  const attempts: SocketHandlers[] = []
  const fault = new Error('The socket is broken')
  const send = () => {
    throw fault
  }
  const connect = (_: string, handlers: SocketHandlers) => {
    attempts.push(handlers)
    return { send, close: () => {} }
  }
  const client = createClient({ url: 'ws://test', session: 'memory', autoConnect: true }, { clock, connect })
  const errors: RoomfulError[] = []
  client.on('error', (error) => errors.push(error))
  attempts[0]?.opened()
  expect(() => attempts[0]?.received(JSON.stringify(hello(1_000)))).not.toThrow()
  expect(errors).toMatchObject([{ code: 'internal', cause: fault }])
  await clock.advance(30_000)
  expect(attempts.length).toBeGreaterThan(1)
  client.close()
})
