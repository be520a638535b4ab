import { type ConnectionRequest, memory, refuse } from '@roomful/server'
import { describe, expect, it } from 'vitest'
import { connect, connectExtended, dial, refusedStatus } from '../support/connect.js'
import { RawWebSocket } from '../support/wire-raw.js'
import { gate, serve, until, WireClock } from '../support/wire-server.js'

describe('the greeting', () => {
  it('[C1] [C2] the greeting comes first, names nobody, and tells what a connection may do', async () => {
    const { url } = await serve()
    const client = await connect(url)
    const [system] = client.frames
    expect(system).toEqual({
      type: 'system',
      message: "Connected. Send a 'join' message with room_id to join a room.",
      timestamp: expect.any(String),
      protocol: 1,
      connection_id: expect.any(String),
      ping_interval_ms: 25_000,
      limits: {
        text_length: 1_000,
        frame_bytes: 65_536,
        messages_per_second: 20,
        messages_burst: 40,
        bytes_per_second: 65_536,
        joins_per_second: 5,
        joins_burst: 100,
        history_per_second: 2,
        rooms: 100,
        dedupe_window_ms: 600_000,
      },
    })
  })

  it('[C2] the greeting tells the limits that were set, and null for none', async () => {
    const { url } = await serve({
      limits: { messagesPerSecond: Number.POSITIVE_INFINITY, roomsPerConnection: 3, heartbeatMs: 5_000 },
      backplane: memory({ dedupeMs: 1_000 }),
    })
    const client = dial(url)
    const { limits, ping_interval_ms } = await client.next('system')
    expect(limits).toMatchObject({ messages_per_second: null, rooms: 3, dedupe_window_ms: 1_000 })
    expect(ping_interval_ms).toBe(5_000)
  })

  it('[C1] the greeting comes before what the connect hook sends, and messages wait for the hook', async () => {
    const { opened, open } = gate()
    const { url } = await serve({ on: { connect: () => opened } })
    const client = await connect(url)
    client.send({ type: 'join', room_id: 'lobby' })
    await client.never('joined')
    open()
    await client.next('joined')
    expect(client.frames[0]?.type).toBe('system')
  })

  it('[C3] the greeting lets a client send on before it got authenticated, and handles that afterwards', async () => {
    const { url } = await serve()
    const client = dial(url)
    await client.next('system')
    client.send({ type: 'auth', protocol: 1 })
    client.send({ type: 'join', room_id: 'lobby' })
    const joined = await client.next('joined')
    expect(client.frames.map(({ type }) => type)).toEqual(['system', 'authenticated', 'joined'])
    expect(joined.members).toHaveLength(1)
  })
})

describe('the request of a connection', () => {
  it('the request of a connection has the headers that the client sent, without those that only make the handshake', async () => {
    const requests: ConnectionRequest[] = []
    const { url } = await serve({ on: { connect: ({ request }) => void requests.push(request) } })
    await connect(`${url}?room=a`, { headers: { cookie: 'a=1', 'X-Device': 'kiosk' } })
    const { host, ...headers } = requests[0]?.headers ?? {}
    expect(requests[0]?.url).toBe('/?room=a')
    expect(host).toContain('127.0.0.1')
    expect(headers).toEqual({ cookie: 'a=1', 'x-device': 'kiosk' })
  })
})

describe('a heartbeat', () => {
  it('[C16] a heartbeat pings every ping_interval_ms, and closes with 4001 when no answer comes', async () => {
    const clock = new WireClock()
    const { url, port, server } = await serve({ clock })
    const alive = await connect(url)
    const silent = await RawWebSocket.open(port)
    let pings = 0
    alive.socket.on('ping', () => pings++)
    await clock.advance(25_000)
    await alive.settled()
    expect(pings).toBe(1)
    // The pong must be there before the interval ends.
    await clock.advance(24_000)
    await clock.advance(1_250)
    expect(await silent.closeCode()).toBe(4001)
    await alive.settled()
    expect(pings).toBe(2)
    expect(server.stats().connections).toBe(1)
  })

  it('[C16] [E17] a heartbeat does not take a connection for dead that is not being read from', async () => {
    const clock = new WireClock()
    const { opened, open } = gate()
    const { url, server } = await serve({
      clock,
      limits: { inboundQueue: 2, heartbeatMs: 5_000, handlerMs: 60_000 },
      on: { message: () => opened },
    })
    const client = await connect(url)
    for (let n = 0; n < 4; n++) client.send({ type: 'join', room_id: `room-${n}` })
    await until(() => /messages_in_total [34]/.test(server.metrics()))
    for (let interval = 0; interval < 5; interval++) await clock.advance(5_000)
    open()
    for (let n = 0; n < 4; n++) await client.next('joined')
  })
})

describe('limits of connections', () => {
  it('[C17] a user’s eleventh connection takes the place of the one that was idle for longest, though that pings', async () => {
    const clock = new WireClock()
    const { url, server } = await serve({
      clock,
      authenticate: () => ({ userId: 'ana' }),
      authorize: () => true,
    })
    const oldest = await connectExtended(url, { token: 't' })
    const idle = await connectExtended(url, { token: 't' })
    const others = [oldest]
    for (let n = 2; n < 10; n++) {
      await clock.advance(100)
      others.push(await connectExtended(url, { token: 't' }))
    }
    await clock.advance(100)
    await oldest.join('a')
    await idle.settled()
    others.push(await connectExtended(url, { token: 't' }))
    expect(await idle.next('error')).toMatchObject({ code: 'too_many_connections' })
    expect(await idle.closed).toEqual({ code: 4009, reason: 'Too many connections of this user' })
    for (const kept of others) await kept.settled()
    expect(server.stats()).toMatchObject({ connections: 10, users: 1 })
  })

  it('[C17] an upgrade beyond the limit of the node gets 503', async () => {
    const { url, log } = await serve({ limits: { connections: 1 } })
    await connect(url)
    expect(await refusedStatus(url)).toBe(503)
    expect(log).toContainEqual({
      level: 'warn',
      event: 'upgrade refused (503)',
      fields: { why: 'too many connections' },
    })
  })

  it('[C17] an upgrade beyond the limit of an address gets 503 until one of its connections authenticates', async () => {
    const { url } = await serve({
      authenticate: () => ({ userId: 'ana' }),
      authorize: () => true,
      limits: { pendingPerAddress: 2 },
    })
    const first = await connect(url)
    const second = await connect(url)
    expect(await refusedStatus(url)).toBe(503)
    await first.ask({ type: 'auth', protocol: 1, token: 't' }, 'authenticated')
    await connect(url)
    expect(await refusedStatus(url)).toBe(503)
    await second.vanish()
    await first.settled()
    await connect(url)
  })

  it('[C17] an address is the same with each port that a proxy names, and an IPv6 network is one address', async () => {
    const seen: string[] = []
    const { url } = await serve({
      authenticate: () => null,
      authorize: () => true,
      trustedProxies: 1,
      limits: { pendingPerAddress: 2 },
      on: { connect: ({ connection }) => void seen.push(connection.remoteAddress) },
    })
    const from = (address: string) => ({ headers: { 'x-forwarded-for': address } })
    for (const [first, second, third] of [
      ['203.0.113.8:4001', '203.0.113.8:4002', '203.0.113.8'],
      ['[2001:db8::1]:443', '2001:db8::2', '2001:DB8:0:0:1::3'],
    ] as const) {
      await connect(url, from(first))
      await connect(url, from(second))
      expect(await refusedStatus(url, from(third))).toBe(503)
    }
    expect(seen).toEqual(['203.0.113.8', '203.0.113.8', '2001:db8::1', '2001:db8::2'])
  })

  it('[C18] an upgrade from a foreign Origin gets 403, and the log says what to set', async () => {
    const { url, log } = await serve()
    expect(await refusedStatus(url, { origin: 'https://evil.example' })).toBe(403)
    expect(log.find(({ level }) => level === 'warn')).toMatchObject({
      event: expect.stringContaining('`origins`'),
      fields: { origin: 'https://evil.example' },
    })
  })

  it('[C18] the Origin null, which a sandboxed frame of any site has, gets 403 even on loopback, unless listed', async () => {
    const { url, port, log } = await serve()
    expect(await refusedStatus(url, { origin: 'null', headers: { host: `localhost:${port}` } })).toBe(403)
    expect(log.find(({ level }) => level === 'warn')?.event).toMatch(/'null'.*`origins`/)
    const listed = await serve({ origins: ['null'] })
    await connect(listed.url, { origin: 'null' })
  })

  it('[C18] a request without an Origin, from the same host, or from a listed Origin is let in', async () => {
    const { url } = await serve()
    await connect(url)
    await connect(url, { origin: 'http://localhost:5173' })
    const listed = await serve({ origins: ['https://example.com'] })
    await connect(listed.url, { origin: 'https://example.com' })
    expect(await refusedStatus(listed.url, { origin: 'http://localhost:5173' })).toBe(403)
  })
})

describe('being sent away', () => {
  it('[C19] [K4] a connection that the application refuses is told why, then closed with 4501', async () => {
    const codes = ['forbidden', 'closed_for_tonight']
    const { url } = await serve({
      on: {
        connect: () => {
          throw refuse(codes.shift() ?? '', 'Come back tomorrow')
        },
      },
    })
    for (const code of ['forbidden', 'closed_for_tonight']) {
      const client = await connect(url)
      expect(await client.next('error')).toMatchObject({ code, message: 'Come back tomorrow' })
      expect((await client.closed).code).toBe(4501)
    }
  })

  it('[C19] [K4] a user whom the server disconnects is told forbidden, then closed with 4501', async () => {
    const { url, server } = await serve()
    const ana = await connectExtended(url)
    server.user(ana.userId).disconnect()
    expect(await ana.next('error')).toMatchObject({ code: 'forbidden' })
    expect(await ana.closed).toEqual({ code: 4501, reason: 'Forbidden' })
  })

  it('[K1] [K2] being sent away closes with a code of the application’s own, as it was given', async () => {
    const { url, server } = await serve()
    const ana = await connectExtended(url)
    server.user(ana.userId).disconnect(4700, 'Your plan has ended')
    expect(await ana.closed).toEqual({ code: 4700, reason: 'Your plan has ended' })
    expect(ana.frames.filter(({ type }) => type === 'error')).toEqual([])
  })

  it.each([
    ['no number', 'x' as unknown as number, '', TypeError],
    ['NaN', Number.NaN, '', TypeError],
    ['a fraction', 4000.5, '', TypeError],
    ['below all', 999, '', RangeError],
    ['unassigned', 1004, '', RangeError],
    ['for a close without a code', 1005, '', RangeError],
    ['for a close without a frame', 1006, '', RangeError],
    ['for a failed TLS handshake', 1015, '', RangeError],
    ['reserved', 2999, '', RangeError],
    ['above all', 5000, '', RangeError],
    ['fine, but with a reason of 124 bytes', 4000, 'é'.repeat(62), RangeError],
    ['fine, but with a reason that is no text', 4000, 5 as unknown as string, TypeError],
  ])(
    '[K1] a close code that is %s is the caller’s mistake, and closes nothing',
    async (_, code, reason, mistake) => {
      const mistakes: unknown[] = []
      const attempt = (close: () => void) => {
        try {
          close()
        } catch (error) {
          mistakes.push(error)
        }
      }
      const { url, server } = await serve({
        on: { message: (context) => attempt(() => context.close(code, reason)) },
      })
      const ana = await connectExtended(url)
      attempt(() => server.user(ana.userId).disconnect(code, reason))
      attempt(() => server.user('somebody elsewhere').disconnect(code, reason))
      await ana.join('r')
      expect(mistakes).toEqual([expect.any(mistake), expect.any(mistake), expect.any(mistake)])
      expect(ana.frames.filter(({ type }) => type === 'error')).toEqual([])
      await ana.settled()
      server.user(ana.userId).disconnect()
      expect((await ana.closed).code).toBe(4501)
    },
  )
})

describe('a drain', () => {
  it('[C20] a drain tells extended connections when to come back, refuses chat for now, and closes with 1012', async () => {
    const clock = new WireClock()
    const { url, server } = await serve({ clock })
    const naive = await connect(url)
    const [ana, bob] = [await connectExtended(url), await connectExtended(url)]
    for (const client of [naive, ana, bob]) await client.join('lobby')
    expect(server.ready).toBe(true)
    const closed = server.close({ drainMs: 10_000 })
    const advice = [await ana.next('draining'), await bob.next('draining')]
    const [first, second] = advice.map(({ reconnect_after_ms }) => reconnect_after_ms)
    expect(first).not.toBe(second)
    for (const ms of [first, second]) expect(ms).toBeLessThanOrEqual(10_000)
    expect(server.ready).toBe(false)
    expect(await refusedStatus(url)).toBe(503)
    ana.send({ type: 'chat_message', room_id: 'lobby', message: 'still there?', client_id: 'a' })
    expect(await ana.next('error')).toMatchObject({
      code: 'draining',
      client_id: 'a',
      retry_after_ms: expect.any(Number),
    })
    await naive.never('draining')
    await clock.advance(10_000)
    for (const client of [naive, ana, bob]) {
      expect(await client.closed).toEqual({ code: 1012, reason: 'Server is restarting' })
    }
    await closed
  })

  it('[C20] a drain acknowledges what was accepted before it', async () => {
    const clock = new WireClock()
    const { url, server } = await serve({ clock })
    const ana = await connectExtended(url)
    await ana.join('lobby')
    ana.send({ type: 'chat_message', room_id: 'lobby', message: 'last', client_id: 'a' })
    await ana.next('chat_message')
    const closed = server.close()
    expect(await ana.next('ack')).toMatchObject({ client_id: 'a' })
    expect((await ana.closed).code).toBe(1012)
    await closed
  })
})
