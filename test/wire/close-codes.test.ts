import { defineProtocol } from '@roomful/protocol'
import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { connect } from '../support/connect.js'
import { RawWebSocket } from '../support/wire-raw.js'
import { serve, until, WireClock } from '../support/wire-server.js'

const protocol = defineProtocol({ server: { noted: z.object({ padding: z.string() }) } })

/** A server, and a peer that never answers a close, with what hook, metric and log make of its end. */
async function peer(limits: { readonly backlogBytes?: number } = {}) {
  const clock = new WireClock()
  const told: { readonly code: number; readonly reason: string }[] = []
  const { server, url, port, log } = await serve({
    clock,
    protocol,
    limits,
    on: { close: (_, code, reason) => void told.push({ code, reason }) },
  })
  const socket = await RawWebSocket.open(port)
  await until(() => socket.frames.length > 0)
  const ended = async () => {
    await until(() => server.stats().connections === 0)
    return {
      hook: told,
      metric: server.metrics().match(/(?<=roomful_closes_total\{code=").*(?=")/g),
      log: log.filter(({ event }) => event === 'connection closed').map(({ fields }) => fields.code),
    }
  }
  /** Publishes something large, and lets the turn of the event loop end. */
  const publish = async () => {
    await server.room('lobby').publish({ type: 'noted', padding: 'x'.repeat(50_000) })
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { clock, server, url, socket, publish, ended }
}

const named = (code: number, reason: string) => ({
  hook: [{ code, reason }],
  metric: [`${code}`],
  log: [code],
})

describe('hook, metric and log name the code that was sent', () => {
  it('[C16] hook, metric and log name the code that was sent: 4001 to a peer that answers no ping, whose socket is cut', async () => {
    const { clock, socket, ended } = await peer()
    await clock.advance(51_000)
    expect(await ended()).toEqual(named(4001, 'Heartbeat missed'))
    expect(await socket.closeCode()).toBe(4001)
  })

  it('[C16] hook, metric and log name the code that was sent: 4001 also to one that reads nothing, which the code does not reach', async () => {
    const { clock, server, socket, publish, ended } = await peer()
    socket.socket.pause()
    socket.send('{"type":"join","room_id":"lobby"}')
    await until(() => server.stats().members === 1)
    while (server.stats().backlogBytes === 0) await publish()
    await clock.advance(51_000)
    expect(await ended()).toEqual(named(4001, 'Heartbeat missed'))
  })

  it('[A10] hook, metric and log name the code that was sent: 4002 to a slow consumer', async () => {
    const { server, socket, publish, ended } = await peer({ backlogBytes: 100_000 })
    socket.send('{"type":"join","room_id":"lobby"}')
    await until(() => server.stats().members === 1)
    socket.socket.pause()
    for (let n = 0; n < 200; n++) await publish()
    socket.socket.destroy()
    expect(await ended()).toEqual(named(4002, 'Slow consumer'))
  })

  it.each([
    ['1002 for a reserved opcode', 1002, 'x', { opcode: 0x3 }],
    ['1007 for text that is no UTF-8', 1007, Buffer.from([0xc3, 0x28]), {}],
    ['1009 for a frame that is too large', 1009, 'x'.repeat(65_537), {}],
  ])('[E14] hook, metric and log name the code that was sent: %s', async (_, code, payload, how) => {
    const { socket, ended } = await peer()
    socket.send(payload, how)
    expect(await socket.closeCode()).toBe(code)
    expect(await ended()).toEqual(named(code, ''))
  })

  it('hook, metric and log name the code that was sent and the peer’s, where that closed first', async () => {
    const { url, socket, ended } = await peer()
    socket.socket.destroy()
    await ended()
    const client = await connect(url)
    client.close(4321)
    await client.closed
    const { hook, metric, log } = await ended()
    expect(hook).toEqual([
      { code: 1006, reason: '' },
      { code: 4321, reason: '' },
    ])
    expect(metric).toEqual(['1006', 'other'])
    expect(log).toEqual([1006, 4321])
  })
})
