import { silentLogger } from '@roomful/server'
import { describe, expect, it } from 'vitest'
import { bystanders } from '../support/bystanders.js'
import { connect, connectExtended, dial } from '../support/connect.js'
import type { WireClient } from '../support/wire-client.js'
import { gate, serve, until, WireClock } from '../support/wire-server.js'

function fail(): never {
  throw new Error('the hook is broken')
}

describe('hooks', () => {
  it('hooks tell of a connection from its beginning to its end', async () => {
    const told: string[] = []
    const note = (what: string) => void told.push(what)
    const { url } = await serve({
      on: {
        connect: ({ request, connection }) => note(`connect ${request.url} ${connection.remoteAddress}`),
        message: (_, { type }) => note(`message ${type}`),
        binary: (_, data) => note(`binary ${data.length}`),
        ping: (_, data) => note(`ping ${data}`),
        pong: (_, data) => note(`pong ${data}`),
        join: ({ room }) => note(`join ${room.id}`),
        leave: ({ room }) => note(`leave ${room.id}`),
        close: (_, code, reason) => note(`close ${code} ${reason}`),
      },
    })
    const ana = await connect(`${url}?from=test`)
    await ana.join('lobby')
    await ana.join('attic')
    await ana.ask({ type: 'leave', room_id: 'attic' }, 'left')
    ana.socket.send(Buffer.alloc(3))
    ana.socket.ping('marco')
    ana.socket.pong('polo')
    await ana.settled()
    ana.socket.close(4321, 'bye')
    await until(() => told.at(-1)?.startsWith('close') === true)
    expect(told).toEqual([
      'connect /?from=test 127.0.0.1',
      'message join',
      'join lobby',
      'message join',
      'join attic',
      'message leave',
      'leave attic',
      'binary 3',
      'ping marco',
      'pong polo',
      'leave lobby',
      'close 4321 bye',
    ])
  })

  it('hooks may be asynchronous; a connection’s messages keep their order', async () => {
    const order: unknown[] = []
    const waits = [30, 0, 10]
    const { url } = await serve({
      on: {
        message: async () => {
          await new Promise((resolve) => setTimeout(resolve, waits.shift() ?? 0))
        },
      },
      handle: {
        chat_message: async (_, chat) => {
          order.push(chat.message)
          return chat
        },
      },
    })
    const ana = await connect(url)
    ana.send({ type: 'join', room_id: 'lobby' })
    for (const message of ['one', 'two', 'three']) ana.send({ type: 'chat_message', message })
    for (const message of ['one', 'two', 'three'])
      expect((await ana.next('chat_message')).message).toBe(message)
    expect(order).toEqual(['one', 'two', 'three'])
  })

  it('[E15] a message hook that throws answers Internal server error, and the message has no effect', async () => {
    const { url, log } = await serve({
      on: { message: (_, { type }) => (type === 'join' ? undefined : fail()) },
    })
    const ana = await connect(url)
    await ana.join('lobby')
    const error = await ana.ask({ type: 'chat_message', message: 'x', client_id: 'c' }, 'error')
    expect(error).toMatchObject({ code: 'internal', message: 'Internal server error', client_id: 'c' })
    await ana.never('chat_message')
    expect(log.filter(({ level }) => level === 'error')).toMatchObject([{ event: 'on.message failed' }])
  })

  it('[E15] a join hook that hangs answers Internal server error when its time is up, and holds up nobody else', async () => {
    const clock = new WireClock()
    const asked = gate()
    const { url, log } = await serve({
      clock,
      on: {
        join: ({ room }) => {
          if (room.id !== 'stuck') return
          asked.open()
          return new Promise(() => {})
        },
      },
    })
    await bystanders(url)
    const ana = await connect(url)
    ana.send({ type: 'join', room_id: 'stuck' })
    await asked.opened
    await clock.advance(29_000)
    await ana.never('error')
    await clock.advance(1_000)
    expect(await ana.next('error')).toMatchObject({ code: 'internal', room_id: 'stuck' })
    expect(log.filter(({ level }) => level === 'error')).toHaveLength(1)
    await ana.join('lobby')
  })

  it('hooks that throw or reject, wherever they are, harm nobody, and are logged once each, with the connection', async () => {
    const reject = () => Promise.reject(new Error('the hook is broken'))
    const { url, log, server } = await serve({
      on: { binary: fail, ping: reject, pong: fail, leave: reject, close: fail },
    })
    const ana = await connect(url)
    await ana.join('lobby')
    const [system] = ana.frames
    ana.socket.send(Buffer.alloc(1))
    ana.socket.ping()
    ana.socket.pong()
    await ana.ask({ type: 'leave' }, 'left')
    await ana.vanish()
    await until(() => log.some(({ event }) => event === 'on.close failed'))
    const errors = log.filter(({ level }) => level === 'error')
    expect(errors.map(({ event }) => event).sort()).toEqual([
      'on.binary failed',
      'on.close failed',
      'on.leave failed',
      'on.ping failed',
      'on.pong failed',
    ])
    for (const { fields } of errors) expect(fields.connection).toBe(system?.connection_id)
    expect(server.stats()).toMatchObject({ connections: 0, users: 0, rooms: 0 })
  })

  it('a connect hook that throws a fault answers Internal server error and closes with 1011', async () => {
    const { url } = await serve({ on: { connect: fail } })
    const ana = await connect(url)
    expect(await ana.next('error')).toMatchObject({ code: 'internal' })
    expect((await ana.closed).code).toBe(1011)
  })

  it('the error hook hears of every fault, and may be broken itself', async () => {
    const heard: unknown[] = []
    const { url, log } = await serve({
      on: {
        message: fail,
        error: (error, context) => {
          heard.push((error as Error).message, context?.connection.id)
          return fail()
        },
      },
    })
    const ana = await connect(url)
    expect(await ana.refusal({ type: 'join', room_id: 'lobby' })).toBe('internal')
    expect(heard).toEqual(['the hook is broken', ana.frames[0]?.connection_id])
    expect(log.filter(({ level }) => level === 'error').map(({ event }) => event)).toEqual([
      'on.message failed',
      'on.error failed',
    ])
  })

  it('hooks may send to their connection, and close it', async () => {
    const { url } = await serve({ on: { message: ({ close }) => close(4600, 'enough') } })
    const ana = await connect(url)
    ana.send({ type: 'join', room_id: 'lobby' })
    expect(await ana.closed).toEqual({ code: 4600, reason: 'enough' })
    expect(ana.frames.map(({ type }) => type)).toEqual(['system'])
  })
})

describe('clean-up', () => {
  it('clean-up always runs: rooms, users and streams of a connection that broke in the middle of a join', async () => {
    const { opened, open } = gate()
    const asked = gate()
    const closed = gate()
    const { url, server } = await serve({
      on: {
        join: () => {
          asked.open()
          return opened
        },
        close: () => closed.open(),
      },
    })
    const ana = await connect(url)
    ana.send({ type: 'join', room_id: 'lobby' })
    await asked.opened
    await ana.vanish()
    await closed.opened
    open()
    await until(() => server.stats().rooms === 0)
    expect(server.stats()).toMatchObject({ connections: 0, users: 0, rooms: 0, members: 0 })
    expect(await server.room('lobby').info()).toMatchObject({ count: 0, connections: 0 })
  })

  it('clean-up leaves no user behind who went away during the connect hook', async () => {
    const { opened, open } = gate()
    const closed = gate()
    const { url, server } = await serve({ on: { connect: () => opened, close: () => closed.open() } })
    const ana = dial(url)
    await ana.next('system')
    await ana.vanish()
    await closed.opened
    open()
    await new Promise((resolve) => setImmediate(resolve))
    expect(server.stats()).toMatchObject({ connections: 0, users: 0 })
  })

  it('an empty room frees its memory; its log is kept for who comes back', async () => {
    const { url, server } = await serve()
    const clients = await Promise.all([connect(url), connect(url)])
    for (const [index, client] of clients.entries()) {
      for (let n = 0; n < 5; n++) await client.join(`room-${index}-${n}`)
    }
    await clients[0]?.chat('room-0-0', 'remember me')
    expect(server.stats()).toMatchObject({ rooms: 10, members: 10 })
    for (let n = 0; n < 5; n++) await clients[0]?.ask({ type: 'leave', room_id: `room-0-${n}` }, 'left')
    expect(server.stats()).toMatchObject({ rooms: 5, members: 5 })
    await clients[1]?.vanish()
    await until(() => server.stats().rooms === 0)
    expect((await clients[0]?.join('room-0-0', { history: 1 }))?.messages).toHaveLength(1)
  })
})

describe('close', () => {
  it('close ends every connection with 1012, and resolves when all are gone; calling it twice is safe', async () => {
    const { url, server } = await serve()
    const clients: WireClient[] = await Promise.all([connect(url), connectExtended(url)])
    const both = [server.close(), server.close()]
    for (const client of clients) expect((await client.closed).code).toBe(1012)
    await Promise.all(both)
    expect(server.stats().connections).toBe(0)
    await expect(connect(url)).rejects.toThrow()
  })

  it('close does not wait for ever for a client that does not answer', async () => {
    const clock = new WireClock()
    const { url, server } = await serve({ clock })
    const stuck = await connect(url)
    stuck.socket.pause()
    const closed = server.close()
    await clock.advance(2_000)
    await closed
    expect(server.stats().connections).toBe(0)
  })

  it('close of a server that never served is harmless, and a port in use is told', async () => {
    const { createServer } = await import('@roomful/server')
    await createServer({ logger: silentLogger }).close()
    const { port } = await serve()
    const second = createServer({ logger: silentLogger })
    await expect(second.listen({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await second.close()
  })
})
