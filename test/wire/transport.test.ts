import { createServer, DEFAULT_LIMITS, silentLogger, type Transport } from '@roomful/server'
import { VirtualClock } from '@roomful/server/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { until } from '../support/wire-server.js'

/** A transport in a few lines: it carries texts, and takes no frames. */
function handWritten() {
  const state = { got: [] as { type: string; [field: string]: unknown }[], closed: 0, buffered: 0 }
  const transport: Transport = {
    send: (text) => void state.got.push(JSON.parse(text)),
    close: (code) => {
      state.closed = code
    },
    terminate() {},
    pause() {},
    resume() {},
    get bufferedAmount() {
      return state.buffered
    },
  }
  return { state, transport }
}

async function started() {
  const server = createServer({ logger: silentLogger })
  await server.start()
  onTestFinished(() => server.close())
  return server
}

const request = { url: '/', headers: {}, remoteAddress: '127.0.0.1' }

describe('a transport of one’s own', () => {
  it('[M1] a transport of one’s own carries chat of texts, message by message', async () => {
    const server = await started()
    const { state, transport } = handWritten()
    const events = server.accept(transport, request)
    const say = (message: object) => {
      const text = JSON.stringify(message)
      events.text(text, Buffer.byteLength(text))
    }
    const types = () => state.got.map(({ type }) => type)
    say({ type: 'join', room_id: 'r' })
    await until(() => types().includes('joined'))
    say({ type: 'chat_message', message: 'hello', client_id: 'c' })
    await until(() => types().includes('chat_message') && types().includes('ack'))
    expect(state.got.find(({ type }) => type === 'chat_message')).toMatchObject({
      message: 'hello',
      offset: 1,
    })
    expect(server.stats()).toMatchObject({ connections: 1, rooms: 1 })
    events.close(1000, '')
    expect(server.stats()).toMatchObject({ connections: 0, rooms: 0 })
  })

  it('[A10] a transport of one’s own is closed with 4002 when it has buffered too much', async () => {
    const server = await started()
    const { state, transport } = handWritten()
    state.buffered = Number.MAX_SAFE_INTEGER
    server.accept(transport, request)
    await until(() => state.closed !== 0)
    expect(state.closed).toBe(4002)
  })

  it('[C16] a transport of one’s own that has no ping is not pinged, and not dropped for silence', async () => {
    const clock = new VirtualClock()
    const server = createServer({ logger: silentLogger, clock })
    await server.start()
    const { state, transport } = handWritten()
    server.accept(transport, request)
    await clock.advance(10 * DEFAULT_LIMITS.heartbeatMs)
    expect([state.closed, server.stats().connections]).toEqual([0, 1])
    let pings = 0
    server.accept({ ...transport, ping: () => void pings++ }, request)
    await clock.advance(10 * DEFAULT_LIMITS.heartbeatMs)
    expect([pings, state.closed]).toEqual([1, 4001])
  })

  it('a transport of one’s own is refused before the server has started, after it was closed, and if it is none', async () => {
    const { transport } = handWritten()
    const server = createServer({ logger: silentLogger })
    expect(() => server.accept(transport, request)).toThrow(expect.objectContaining({ code: 'unavailable' }))
    await server.start()
    expect(() => server.accept({} as Transport, request)).toThrow('pass a transport with send')
    await server.close()
    expect(() => server.accept(transport, request)).toThrow(expect.objectContaining({ code: 'closed' }))
  })
})
