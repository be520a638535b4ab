import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { bystanders } from '../support/bystanders.js'
import { connect, refusedStatus } from '../support/connect.js'
import { connectRaw, frame, PING, PONG, RawWebSocket, TEXT } from '../support/wire-raw.js'
import { serve, until, WireClock } from '../support/wire-server.js'

/** A server with two members in a room, who must not notice what happens to it. */
async function target() {
  const served = await serve()
  await bystanders(served.url)
  return served
}

describe('a frame that breaks a rule of WebSocket', () => {
  it('[E14] [K1] larger than limits.frame_bytes: 1009, also with 10 MB', async () => {
    const { url } = await target()
    for (const size of [65_537, 10_000_000]) {
      const intruder = await connect(url)
      intruder.sendText('x'.repeat(size))
      expect((await intruder.closed).code).toBe(1009)
    }
  })

  it('[E14] a frame of exactly limits.frame_bytes is read', async () => {
    const { url } = await target()
    const intruder = await connect(url)
    intruder.sendText('{"type":"ping"}'.padEnd(65_536))
    await intruder.next('pong')
  })

  it('[E14] a message in 20,000 tiny fragments: 1008', async () => {
    const { port } = await target()
    const intruder = await RawWebSocket.open(port)
    intruder.sendFragments(Array.from({ length: 20_000 }, () => 'x'))
    expect(await intruder.closeCode()).toBe(1008)
  })

  it('[E1] a message in a few fragments is one message', async () => {
    const { port } = await target()
    const intruder = await RawWebSocket.open(port)
    intruder.sendFragments([...'{"type":"ping"}'])
    await until(() => intruder.frames.some(({ payload }) => payload.includes('"pong"')))
  })

  it('[E14] invalid UTF-8: 1007', async () => {
    const { port } = await target()
    const intruder = await RawWebSocket.open(port)
    intruder.send(Buffer.from([0xc3, 0x28]))
    expect(await intruder.closeCode()).toBe(1007)
  })

  it('[E14] binary: 1003', async () => {
    const { url } = await target()
    const intruder = await connect(url)
    intruder.socket.send(randomBytes(16))
    expect(await intruder.closed).toEqual({ code: 1003, reason: 'Binary frames are not accepted' })
  })

  it('a reserved opcode, or a control frame in pieces: 1002', async () => {
    const { port } = await target()
    for (const how of [{ opcode: 0x3 }, { opcode: 0x9, fin: false }]) {
      const intruder = await RawWebSocket.open(port)
      intruder.send('x', how)
      expect(await intruder.closeCode()).toBe(1002)
    }
  })

  it('[E14] a frame that breaks a rule of WebSocket keeps what is behind it from being carried out, wherever the bytes are cut: 1002', async () => {
    const { url, port } = await serve()
    const bob = await connect(url)
    await bob.join('lobby')
    // A ping whose length is told in two bytes more, which only longer frames may have.
    const faulty = Buffer.from([0x89, 0x80 | 126, 0, 10, 0, 0, 0, 0, ...Buffer.from('x'.repeat(10))])
    const behind = Buffer.from('{"type":"chat_message","message":"behind a protocol error"}')
    for (const cut of [1, 2, 8, faulty.length]) {
      const eve = await RawWebSocket.open(port, { allowHalfOpen: true })
      eve.send('{"type":"join","room_id":"lobby"}')
      await bob.next('user_joined')
      eve.socket.write(faulty.subarray(0, cut))
      await bob.settled()
      eve.socket.write(Buffer.concat([faulty.subarray(cut), frame(TEXT, true, behind)]))
      expect(await eve.closeCode()).toBe(1002)
      await bob.next('user_left')
      await bob.never('chat_message')
    }
  })

  it('[E12] a thousand WebSocket pings in one read get a pong for the newest, and keep the connection', async () => {
    const { port } = await serve({ limits: { messagesBurst: 2_000 } })
    const eager = await RawWebSocket.open(port)
    const pings = Array.from({ length: 1_000 }, (_, n) => frame(PING, true, Buffer.from(String(n))))
    eager.socket.write(Buffer.concat(pings))
    const pongs = () =>
      eager.frames.filter(({ opcode }) => opcode === PONG).map(({ payload }) => String(payload))
    await until(() => pongs().at(-1) === '999')
    eager.send('{"type":"ping"}')
    await until(() => eager.frames.some(({ payload }) => payload.includes('"pong"')))
  })

  it('WebSocket pings whose pongs nobody reads do not fill the memory with pongs', async () => {
    const { server, port } = await serve({
      limits: { messagesPerSecond: Infinity, bytesPerSecond: Infinity },
    })
    const deaf = await RawWebSocket.open(port)
    deaf.socket.pause()
    const ping = frame(PING, true, Buffer.alloc(125))
    const pings = Buffer.concat(Array.from({ length: 1_000 }, () => ping))
    const closed = once(deaf.socket, 'close')
    for (let n = 0; n < 300; n++)
      if (!deaf.socket.write(pings)) await Promise.race([once(deaf.socket, 'drain'), closed])
    expect(server.stats()).toMatchObject({ connections: 1 })
    expect(server.stats().backlogBytes).toBeLessThan(1_000)
  })

  it('[E12] a flood of WebSocket pings is closed with 4005, which the hook, the metric and the log name', async () => {
    const clock = new WireClock()
    const codes: number[] = []
    const { server, port, log } = await serve({ clock, on: { close: (_, code) => void codes.push(code) } })
    const intruder = await RawWebSocket.open(port)
    const pongs = () =>
      intruder.frames.filter(({ opcode }) => opcode === PONG).map(({ payload }) => String(payload))
    for (let strike = 0; strike < 3; strike++) {
      for (let n = 0; n < 100; n++) intruder.ping()
      intruder.ping(`${strike}`)
      if (strike < 2) await until(() => pongs().includes(`${strike}`))
      await clock.advance(6_000)
    }
    expect(await intruder.closeCode()).toBe(4005)
    await until(() => codes.length > 0)
    expect(codes).toEqual([4005])
    expect(server.metrics()).toContain('roomful_closes_total{code="4005"} 1')
    expect(log.find(({ event }) => event === 'connection closed')?.fields).toMatchObject({ code: 4005 })
    expect(intruder.frames.some(({ payload }) => payload.includes('rate_limited'))).toBe(false)
  })
})

describe('what is no upgrade at all', () => {
  it('random bytes instead of HTTP get 400, or the end', async () => {
    const { port } = await target()
    for (let n = 0; n < 20; n++) {
      const socket = await connectRaw(port)
      let answer = ''
      socket.on('data', (data) => {
        answer += data.toString('latin1')
      })
      socket.end(randomBytes(2_000))
      await once(socket, 'close')
      expect(answer).toMatch(/^$|^HTTP\/1\.1 400 /)
    }
  })

  it('random bytes after the upgrade end that connection', async () => {
    const { port } = await target()
    for (let n = 0; n < 20; n++) {
      const intruder = await RawWebSocket.open(port)
      intruder.socket.write(Buffer.concat([Buffer.from([0xff]), randomBytes(500)]))
      expect(await intruder.closeCode()).toBe(1002)
    }
  })

  it.each([
    ['a close', { opcode: 0x8 }, 1005],
    ['a frame that breaks the protocol', { opcode: 0x3 }, 1002],
  ])(
    'what is no upgrade at all: %s right behind messages takes none of their answers away',
    async (_, end, code) => {
      const { port } = await target()
      const client = await RawWebSocket.open(port)
      await until(() => client.frames.length > 0)
      client.socket.cork()
      client.send('{"type":"chat_message","room_id":"nowhere","message":"x","client_id":"a"}')
      client.send('{"type":"ping"}')
      client.send('', end)
      client.socket.uncork()
      await new Promise((resolve) => client.socket.once('close', resolve))
      const types = client.frames.map(({ opcode, payload }) =>
        opcode === 0x8 ? payload : JSON.parse(String(payload)).type,
      )
      const closing = types.pop() as Buffer
      expect(closing.length < 2 ? 1005 : closing.readUInt16BE(0)).toBe(code)
      expect(types).toEqual(['system', 'error', 'pong'])
    },
  )

  it('a handshake that is none is told what is wrong with it, and which versions there are', async () => {
    const { port } = await target()
    const good = {
      method: 'GET',
      upgrade: 'websocket',
      version: '13',
      key: `${'A'.repeat(22)}==`,
      more: '',
    }
    const cases = [
      [{ key: 'short' }, 400, /invalid Sec-WebSocket-Key/],
      [{ version: '1' }, 426, /^Upgrade: websocket\r\nSec-WebSocket-Version: 13, 8\r$/m],
      [{ method: 'POST' }, 405, /^Allow: GET\r$/m],
      [{ upgrade: 'h2c' }, 400, /Invalid Upgrade header/],
      [{ more: 'Sec-WebSocket-Protocol: a, a\r\n' }, 400, /Invalid Sec-WebSocket-Protocol header/],
    ] as const
    for (const [change, status, words] of cases) {
      const { method, upgrade, version, key, more } = { ...good, ...change }
      const socket = await connectRaw(port)
      socket.write(
        `${method} / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}\r\n` +
          `Sec-WebSocket-Version: ${version}\r\nSec-WebSocket-Key: ${key}\r\n${more}\r\n`,
      )
      const [answer] = await once(socket, 'data')
      expect(answer.toString()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [A-Z]`))
      expect(answer.toString()).toMatch(words)
      await once(socket, 'close')
    }
  })

  it('an HTTP request that is no upgrade gets 426, another path 404', async () => {
    const { port, url } = await target()
    const answer = await fetch(`http://127.0.0.1:${port}/`)
    expect(answer.status).toBe(426)
    expect(answer.headers.get('sec-websocket-version')).toBe('13, 8')
    expect(await refusedStatus(`${url}elsewhere`)).toBe(404)
  })

  it('a socket that is cut in the middle of its upgrade ends nothing else', async () => {
    const { port } = await target()
    for (let n = 0; n < 20; n++) {
      const socket = await connectRaw(port)
      socket.write(
        'GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n',
      )
      socket.write(`Sec-WebSocket-Key: ${'A'.repeat(22)}==\r\n\r\n`, () => socket.resetAndDestroy())
      await once(socket, 'close')
    }
  })
})

describe('an upgrade without the right to it', () => {
  const guarded = {
    authenticate: ({ token }: { token: string | undefined }) =>
      token === 'ana' || token === 'bob' ? { userId: token } : null,
    authorize: () => true,
  }

  it('[C18] a wrong Origin gets 403', async () => {
    const { url } = await target()
    expect(await refusedStatus(url, { origin: 'http://evil.example' })).toBe(403)
  })

  it('[C8] a bad token ends its own connection with 4500', async () => {
    const { url } = await serve(guarded)
    await bystanders(url)
    const intruder = await connect(`${url}?token=wrong`)
    expect((await intruder.closed).code).toBe(4500)
  })

  it('[C9] no token in time ends its own connection with 4008', async () => {
    const clock = new WireClock()
    const { url } = await serve({ ...guarded, clock })
    await bystanders(url)
    const intruder = await connect(url)
    await clock.advance(10_000)
    expect((await intruder.closed).code).toBe(4008)
  })
})
