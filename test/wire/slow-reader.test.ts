import { defineProtocol, volatile } from '@roomful/protocol'
import { UNLIMITED } from '@roomful/server'
import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { connect } from '../support/connect.js'
import { RawWebSocket } from '../support/wire-raw.js'
import { serve, until, WireClock } from '../support/wire-server.js'

const body = z.object({ n: z.number(), padding: z.optional(z.string()) })
const protocol = defineProtocol({ server: { noted: body, ticked: volatile(body) } })
const padding = 'x'.repeat(50_000)
const BACKLOG_BYTES = 1024 * 1024

/** A room with a member who reads and one who has stopped to, whose backlog is above a quarter of what it may be. */
async function stalled(rooms: readonly string[] = ['lobby']) {
  const { url, port, server } = await serve({ protocol, limits: { backlogBytes: BACKLOG_BYTES } })
  const healthy = await connect(url)
  const slow = await RawWebSocket.open(port)
  for (const room_id of rooms) {
    await healthy.join(room_id)
    slow.send(JSON.stringify({ type: 'join', room_id }))
    await healthy.next('user_joined')
  }
  slow.socket.pause()
  let sent = 0
  while (server.stats().backlogBytes <= BACKLOG_BYTES / 4) {
    server.room('lobby').broadcast({ type: 'ticked', n: ++sent, padding })
    await healthy.next('ticked')
  }
  /** What the slow one has got of a type, by number. */
  const got = (type: string) =>
    slow.frames
      .filter(({ payload }) => payload.includes(`"type":"${type}"`))
      .map(({ payload }) => JSON.parse(payload.toString()).n as number)
  return { server, healthy, slow, sent, got }
}

describe('a slow reader', () => {
  it('[A10] a slow reader loses volatile messages first, keeps what is published, and catches up when it reads again', async () => {
    const { server, healthy, slow, sent, got } = await stalled()
    server.room('lobby').broadcast({ type: 'ticked', n: 0 })
    await server.room('lobby').publish({ type: 'noted', n: 1 })
    await healthy.next('ticked')
    await healthy.next('noted')
    slow.socket.resume()
    await until(() => got('noted').length === 1)
    await until(() => server.stats().backlogBytes === 0)
    server.room('lobby').broadcast({ type: 'ticked', n: sent + 1 })
    await until(() => got('ticked').includes(sent + 1))
    expect(got('ticked')).not.toContain(0)
  })

  it('[A10] [E17] a slow reader that has read everything is like any other: volatile messages, its own ones, the gauge', async () => {
    const backlogBytes = 8 * 1024 * 1024
    const { url, port, server } = await serve({ protocol, limits: { backlogBytes } })
    const healthy = await connect(url)
    await healthy.join('lobby')
    const slow = await RawWebSocket.open(port)
    slow.send('{"type":"join","room_id":"lobby"}')
    await healthy.next('user_joined')
    slow.socket.pause()
    // The system takes a part of the first, and the second finds it waiting; alone it would make a reader a slow one.
    for (const bytes of [6_000_000, backlogBytes / 4 + 1]) {
      await server.room('lobby').publish({ type: 'noted', n: bytes, padding: 'x'.repeat(bytes) })
      await healthy.next('noted')
    }
    expect(server.stats().backlogBytes).toBeGreaterThan(backlogBytes / 4)
    // In sips, so that the first has left while the second still waits.
    slow.socket.on('data', () => {
      slow.socket.pause()
      setImmediate(() => slow.socket.resume())
    })
    slow.socket.resume()
    await until(() => slow.frames.filter(({ payload }) => payload.includes('"noted"')).length === 2)
    server.room('lobby').broadcast({ type: 'ticked', n: 1 })
    slow.send('{"type":"chat_message","message":"here I am"}')
    expect(await healthy.next('chat_message')).toMatchObject({ message: 'here I am' })
    await until(() => slow.frames.some(({ payload }) => payload.includes('"ticked"')))
    expect(server.metrics()).toContain('roomful_backlog_bytes 0\n')
  })

  it('[A10] [M10] a slow reader gets what waited for it as it was sent, whatever others were sent since', async () => {
    const { server, healthy, slow, sent, got } = await stalled(['lobby', 'elsewhere'])
    await healthy.join('third')
    // What goes out in one turn: of two rooms in one write, of a room beside another, of a room alone.
    const turns = [['lobby', 'elsewhere'], ['lobby', 'third'], ['third'], ['lobby'], ['third', 'third']]
    const expected: number[] = []
    let published = 0
    for (let round = 0; round < 3; round++) {
      for (const rooms of turns) {
        const all = rooms.map((room) => {
          const n = ++published
          if (room !== 'third') expected.push(n)
          return server.room(room).publish({ type: 'noted', n, padding })
        })
        await Promise.all(all)
        for (const _ of rooms) await healthy.next('noted')
      }
    }
    slow.socket.resume()
    await until(() => got('noted').length === expected.length)
    expect(got('ticked')).toEqual(Array.from({ length: sent }, (_, index) => index + 1))
    expect(got('noted')).toEqual(expected)
  })

  it('[A10] a slow reader beyond what it is granted is closed with 4002, and nobody else notices', async () => {
    const { server, healthy, slow, got } = await stalled()
    for (let n = 1; n <= 40; n++) {
      await server.room('lobby').publish({ type: 'noted', n, padding })
      await healthy.next('noted')
    }
    slow.socket.resume()
    expect(await slow.closeCode()).toBe(4002)
    const noted = got('noted')
    expect(noted).toEqual(Array.from(noted, (_, index) => index + 1))
    expect(noted.length).toBeLessThan(40)
    await healthy.next('user_left')
    await healthy.chat('lobby', 'all is well')
  })

  it('[E17] a slow reader is sent no further answers until it has read those that it has', async () => {
    const { url, port, server } = await serve({
      limits: { ...UNLIMITED, backlogBytes: BACKLOG_BYTES },
    })
    const ana = await connect(url)
    await ana.join('lobby')
    for (let n = 0; n < 300; n++) ana.send({ type: 'chat_message', message: 'x'.repeat(1_000) })
    for (let n = 0; n < 300; n++) await ana.next('chat_message')
    const greedy = await RawWebSocket.open(port)
    greedy.send('{"type":"join","room_id":"lobby"}')
    await ana.next('user_joined')
    greedy.socket.pause()
    for (let n = 0; n < 100; n++) greedy.send('{"type":"history","limit":1000}')
    greedy.send('{"type":"leave"}')
    await until(() => server.stats().backlogBytes > BACKLOG_BYTES / 4)
    for (let n = 0; n < 10; n++) await ana.settled()
    expect(server.stats().backlogBytes).toBeLessThan(BACKLOG_BYTES)
    greedy.socket.resume()
    await ana.next('user_left')
    await until(() => greedy.frames.some(({ payload }) => payload.includes('"type":"left"')))
    expect(greedy.frames.filter(({ payload }) => payload.includes('"type":"history"'))).toHaveLength(100)
  })

  it('one of many is closed when the bound of the node is reached, the slowest first', async () => {
    const clock = new WireClock()
    const { url, port, server } = await serve({ protocol, clock, limits: { nodeBacklogBytes: 300_000 } })
    const healthy = await connect(url)
    await healthy.join('lobby')
    const slow = await RawWebSocket.open(port)
    slow.send('{"type":"join","room_id":"lobby"}')
    await healthy.next('user_joined')
    slow.socket.pause()
    while (server.stats().backlogBytes <= 300_000) {
      await server.room('lobby').publish({ type: 'noted', n: 0, padding })
      await healthy.next('noted')
    }
    await clock.advance(1_000)
    slow.socket.resume()
    expect(await slow.closeCode()).toBe(4002)
    await healthy.settled()
  })
})
