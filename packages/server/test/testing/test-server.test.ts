import { createTestServer } from '@roomful/server/testing'
import { describe, expect, it } from 'vitest'

describe('a server without a port', () => {
  it('a server without a port carries a message from one fake client to another', async () => {
    const { connect } = await createTestServer()
    const ada = await connect()
    const grace = await connect()
    await ada.join('general')
    await grace.join('general')
    ada.send({ type: 'chat_message', room_id: 'general', message: 'hello', client_id: 'c1' })
    expect(await ada.next('ack')).toMatchObject({ client_id: 'c1', offset: 1, duplicate: false })
    expect(await grace.next('chat_message')).toMatchObject({ message: 'hello', offset: 1 })
  })

  it('[T2] a server without a port ends a typing notice when virtual time has passed', async () => {
    const { connect, clock } = await createTestServer()
    const ada = await connect()
    const grace = await connect()
    await ada.join('general')
    await grace.join('general')
    ada.send({ type: 'typing_start' })
    await grace.next('user_typing')
    await clock.advance(5_500)
    expect(await grace.next('user_stopped_typing')).toMatchObject({ room_id: 'general' })
  })

  it('a server without a port says what came instead of the frame that was expected', async () => {
    const { connect } = await createTestServer()
    const ada = await connect()
    ada.send('{')
    await expect(ada.next('joined')).rejects.toThrow(/Expected a frame of type 'joined'.*invalid_json/s)
  })

  it('a server without a port drops a client whose link swallows everything, by heartbeat', async () => {
    const { connect, clock, server } = await createTestServer()
    const ada = await connect()
    ada.link.halfOpen()
    await clock.advance(51_000)
    expect(server.stats().connections).toBe(0)
  })

  it('a server without a port closes a client that stops reading with 4002, and its room goes on', async () => {
    const { connect, server } = await createTestServer({
      limits: {
        backlogBytes: 10_000,
        messagesPerSecond: Number.POSITIVE_INFINITY,
        messagesBurst: Number.POSITIVE_INFINITY,
      },
    })
    const ada = await connect()
    const slow = await connect()
    await ada.join('general')
    await slow.join('general')
    slow.link.slow(true)
    for (let i = 0; i < 100; i++) ada.send({ type: 'chat_message', message: `${'x'.repeat(200)} ${i}` })
    for (let i = 0; i < 100; i++) await ada.next('chat_message')
    slow.link.slow(false)
    await expect(slow.next('never')).rejects.toThrow(/closed with 4002/)
    expect((await server.room('general').info()).connections).toBe(1)
  })

  it('a server without a port lets every connection break when the process dies', async () => {
    const { connect, crash } = await createTestServer()
    const ada = await connect()
    crash()
    expect(ada.closed).toEqual({ code: 1006, reason: '' })
  })
})
