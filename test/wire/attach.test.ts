import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import {
  type AddressInfo,
  connect as connectTcp,
  createServer as createNetServer,
  type Server,
} from 'node:net'
import { Duplex } from 'node:stream'
import { createServer, memory } from '@roomful/server'
import express from 'express'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocketServer } from 'ws'
import { selfSigned } from '../support/certificate.js'
import { connect, dial, refusedStatus, refusedUpgrade } from '../support/connect.js'
import { RawWebSocket } from '../support/wire-raw.js'
import { type LogLine, logInto, serve, until } from '../support/wire-server.js'

async function portOf(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

describe('attach', () => {
  it('attach shares a port with Express and with another WebSocket server, and leaves their paths to them', async () => {
    const app = express()
    app.get('/hello', (_, response) => void response.send('hi'))
    const http = createHttpServer(app)
    const roomful = createServer({ logger: logInto([]) })
    roomful.attach(http, { path: '/chat' })
    const other = new WebSocketServer({ noServer: true })
    http.on('upgrade', (request, socket, head) => {
      if (request.url === '/echo')
        other.handleUpgrade(request, socket, head, (ws) => ws.on('message', (m) => ws.send(m)))
      else if (request.url === '/nowhere') socket.destroy()
    })
    const port = await portOf(http)
    const base = `127.0.0.1:${port}`

    expect(await (await fetch(`http://${base}/hello`)).text()).toBe('hi')
    const ana = await connect(`ws://${base}/chat?token=x`)
    await ana.join('lobby')
    const echo = dial(`ws://${base}/echo`)
    await once(echo.socket, 'open')
    echo.sendText('{"type":"echoed"}')
    expect(await echo.next('echoed')).toEqual({ type: 'echoed' })

    await roomful.close()
    expect((await ana.closed).code).toBe(1012)
    expect(await (await fetch(`http://${base}/hello`)).text()).toBe('hi')
    echo.sendText('{"type":"echoed","still":"here"}')
    expect(await echo.next('echoed')).toMatchObject({ still: 'here' })
  })

  it('[M10] attach serves a stream that is no socket, and lets it keep what it was given', async () => {
    const http = createHttpServer()
    const roomful = createServer({ logger: logInto([]) })
    onTestFinished(() => roomful.close())
    roomful.attach(http)
    await roomful.start()
    // Calls each chunk written at once, and passes it on when it likes.
    let held: Buffer[] | undefined
    let letGo = () => {}
    const tunnels = createNetServer((socket) => {
      const tunnel = new Duplex({
        read() {},
        write(chunk: Buffer, _, done) {
          if (held) held.push(chunk)
          else socket.write(chunk)
          done()
        },
      })
      letGo = () => void socket.write(Buffer.concat(held ?? []))
      socket.on('data', (chunk) => tunnel.push(chunk))
      http.emit('connection', tunnel)
    })
    const slow = await RawWebSocket.open(await portOf(tunnels))
    const ana = await connect(`ws://127.0.0.1:${await portOf(http)}/`)
    await ana.join('lobby')
    slow.send('{"type":"join","room_id":"lobby"}')
    await ana.next('user_joined')
    held = []
    const said = Array.from({ length: 20 }, (_, n) => `${n} ${'x'.repeat(400)}`)
    for (const message of said) await ana.chat('lobby', message)
    letGo()
    const got = () =>
      slow.frames.map(({ payload }) => payload.toString()).filter((text) => text.includes('chat_message'))
    await until(() => got().length >= said.length)
    expect(got().map((text) => JSON.parse(text).message)).toEqual(said)
  })

  it('attach serves several paths and servers as one', async () => {
    const [one, two] = [createHttpServer(), createHttpServer()]
    const roomful = createServer({ logger: logInto([]) })
    onTestFinished(() => roomful.close())
    roomful.attach(one, { path: '/ws' })
    roomful.attach(two)
    const [ana, bob] = [
      await connect(`ws://127.0.0.1:${await portOf(one)}/ws`),
      await connect(`ws://127.0.0.1:${await portOf(two)}/`),
    ]
    await ana.join('lobby')
    await bob.join('lobby')
    await bob.chat('lobby', 'hi')
    await ana.next('chat_message')
  })

  it('attach answers an upgrade that nobody would with 404, so that it does not hang', async () => {
    const http = createHttpServer()
    const roomful = createServer({ logger: logInto([]) })
    onTestFinished(() => roomful.close())
    roomful.attach(http, { path: '/ws' })
    const port = await portOf(http)
    expect(await refusedStatus(`ws://127.0.0.1:${port}/elsewhere`)).toBe(404)
  })

  it('attach warns where others listen for upgrades too, whoever came first, and once', () => {
    for (const order of ['first', 'last']) {
      const log: LogLine[] = []
      const http = createHttpServer()
      const listenElsewhere = () => void http.on('upgrade', () => {})
      const [one, two] = [
        createServer({ backplane: memory(), logger: logInto(log) }),
        createServer({ backplane: memory(), logger: logInto(log) }),
      ]
      if (order === 'first') listenElsewhere()
      one.attach(http, { path: '/one' })
      two.attach(http, { path: '/two' })
      expect(log).toHaveLength(order === 'first' ? 1 : 0)
      listenElsewhere()
      listenElsewhere()
      expect(log, order).toMatchObject([{ level: 'warn', event: expect.stringContaining('handleUpgrade') }])
    }
  })

  it('attach leaves requests that offer another protocol to the HTTP server, as often as they come', async () => {
    const http = createHttpServer(
      express()
        .use(express.text())
        .post('/echo', (request, response) => {
          response.send(`${request.get('x-name')}: ${request.body}`)
        }),
    )
    const log: LogLine[] = []
    const roomful = createServer({ backplane: memory(), logger: logInto(log) })
    onTestFinished(() => roomful.close())
    for (const path of ['/ws', '/other']) roomful.attach(http, { path })
    const socket = connectTcp(await portOf(http), '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    const [own] = await once(http, 'connection')
    let answers = ''
    socket.setEncoding('utf8').on('data', (text) => {
      answers += text
    })
    // As Java's HTTP client does it.
    const head = [
      'POST /echo HTTP/1.1',
      'Connection: keep-alive, Upgrade, HTTP2-Settings',
      'Content-Length: 10',
      'Host: x',
      'HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA',
      'Upgrade: h2c',
      'Content-Type: text/plain',
      'X-Name: J\xfcrgen',
    ]
    const bytes = Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1')
    const listeners: number[] = []
    for (let asked = 1; asked <= 12; asked++) {
      socket.write(Buffer.concat([bytes, Buffer.from('Hello')]))
      await until(() => own.bytesRead >= asked * bytes.length + asked * 10 - 5)
      socket.write('again')
      await until(() => answers.split('J\xfcrgen: Helloagain').length === asked + 1)
      listeners.push(own.eventNames().reduce((sum: number, name: string) => sum + own.listenerCount(name), 0))
    }
    expect(answers.match(/HTTP\/1.1 200 OK/g)).toHaveLength(12)
    expect(new Set(listeners.slice(1)).size).toBe(1)
    expect(log).toEqual([])
  })

  it('attach tells a path that is nearly right, in the log and to whoever asks', async () => {
    const log: LogLine[] = []
    const http = createHttpServer()
    const roomful = createServer({ backplane: memory(), logger: logInto(log) })
    onTestFinished(() => roomful.close())
    roomful.attach(http, { path: '/Chat' })
    roomful.attach(http, { path: '/other' })
    const url = `ws://127.0.0.1:${await portOf(http)}`
    for (const path of ['/chat', '/Chat/', '/chat//?x=1', '/elsewhere', `/${'x'.repeat(5_000)}`]) {
      log.length = 0
      const { status, text } = await refusedUpgrade(`${url}${path}`)
      expect(status).toBe(404)
      const isNear = path.toLowerCase().startsWith('/chat')
      expect(text).toBe(`No WebSocket at this path: it is at /Chat${isNear ? '' : ' or /other'}\n`)
      expect(log).toHaveLength(1)
      expect(log[0]).toMatchObject(
        isNear ? { level: 'warn', fields: { path: '/Chat' } } : { event: expect.stringContaining('/Chat') },
      )
      expect(String(log[0]?.fields.asked).length).toBeLessThanOrEqual(100)
    }
  })

  it('attach warns of the first path that is unknown, and leaves the rest to who reads everything', async () => {
    const log: LogLine[] = []
    const roomful = createServer({ backplane: memory(), logger: logInto(log) })
    onTestFinished(() => roomful.close())
    const { url } = await roomful.listen({ port: 0 })
    for (const path of ['ws', 'socket.io']) {
      expect((await refusedUpgrade(`${url}${path}`)).text).toBe('No WebSocket at this path: it is at /\n')
    }
    expect(log.filter(({ event }) => event.includes('404'))).toMatchObject([
      { level: 'warn', event: expect.stringContaining('it is at /'), fields: { asked: '/ws' } },
      { level: 'info', fields: { asked: '/socket.io' } },
    ])
  })

  it('attach tells a path that is nearly right though somebody else answers it', async () => {
    const log: LogLine[] = []
    const http = createHttpServer()
    const roomful = createServer({ backplane: memory(), logger: logInto(log) })
    onTestFinished(() => roomful.close())
    roomful.attach(http, { path: '/ws' })
    http.on('upgrade', (request, socket) => {
      if (request.url === '/ws/') socket.end('HTTP/1.1 418 Teapot\r\nConnection: close\r\n\r\n')
    })
    expect((await refusedUpgrade(`ws://127.0.0.1:${await portOf(http)}/ws/`)).status).toBe(418)
    expect(log.at(-1)).toMatchObject({ level: 'warn', fields: { asked: '/ws/', path: '/ws' } })
  })

  it('attach says how to mend a path that can never match', () => {
    const roomful = createServer({ logger: logInto([]) })
    expect(() => roomful.attach(createHttpServer(), { path: 'ws' })).toThrow(/starts with '\/'/)
  })
})

describe('handleUpgrade', () => {
  it('handleUpgrade takes one upgrade over, of any path, and a socket that its peer resets harms nobody', async () => {
    const http = createHttpServer()
    const roomful = createServer({ logger: logInto([]) })
    onTestFinished(() => roomful.close())
    http.on('upgrade', (request, socket, head) => {
      if (request.url === '/reset') socket.once('close', () => {}).destroy(new Error('reset'))
      roomful.handleUpgrade(request, socket, head)
    })
    const url = `ws://127.0.0.1:${await portOf(http)}`
    const ana = await connect(`${url}/any/path?token=x`)
    await ana.join('lobby')
    await expect(connect(`${url}/reset`)).rejects.toThrow()
    await ana.chat('lobby', 'hi')
    await roomful.close()
    expect((await ana.closed).code).toBe(1012)
    expect((await refusedUpgrade(url)).status).toBe(503)
  })
})

describe('TLS', () => {
  it('listen serves wss with a certificate', async () => {
    const { key, cert } = await selfSigned()
    const roomful = createServer({ logger: logInto([]) })
    onTestFinished(() => roomful.close())
    const { url } = await roomful.listen({ port: 0, path: '/chat', tls: { key, cert } })
    expect(url).toMatch(/^wss:\/\/127\.0\.0\.1:\d+\/chat$/)
    const ana = await connect(url, { ca: cert })
    await ana.join('lobby')
    await ana.chat('lobby', 'hi'.repeat(400))
    await expect(connect(url)).rejects.toThrow()
  })

  it('attach works with an HTTPS server', async () => {
    const { key, cert } = await selfSigned()
    const https = createHttpsServer({ key, cert })
    const roomful = createServer({ logger: logInto([]) })
    onTestFinished(() => roomful.close())
    roomful.attach(https)
    const ana = await connect(`wss://127.0.0.1:${await portOf(https)}/`, { ca: cert })
    await ana.join('lobby')
  })
})

describe('a proxy', () => {
  it('a proxy is not believed without trustedProxies, with one warning; with it, that many hops count', async () => {
    const seen: string[] = []
    const on = {
      connect: ({ connection }: { connection: { remoteAddress: string } }) =>
        void seen.push(connection.remoteAddress),
    }
    const headers = { 'x-forwarded-for': '6.6.6.6, 1.2.3.4' }
    const direct = await serve({ on })
    await connect(direct.url, { headers })
    await connect(direct.url, { headers })
    const behind = await serve({ on, trustedProxies: 1 })
    await connect(behind.url, { headers })
    await connect(behind.url)
    expect(seen).toEqual(['127.0.0.1', '127.0.0.1', '1.2.3.4', '127.0.0.1'])
    const warnings = (log: LogLine[]) => log.filter(({ event }) => event.includes('trustedProxies'))
    expect(warnings(direct.log)).toHaveLength(1)
    expect(warnings(behind.log)).toHaveLength(0)
  })
})
