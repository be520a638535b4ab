import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { BuiltIn } from '@roomful/protocol'
import ReconnectingWebSocket, { type CloseEvent } from 'partysocket/ws'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { type ClientOptions, createClient, type Runtime } from '../../src/index.js'
import { reaches } from '../support/until.js'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

/** A server that greets as the protocol says, unless `onConnection` does something else. */
async function serve(onConnection: (socket: WebSocket) => void = greet) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  await once(server, 'listening')
  server.on('connection', onConnection)
  cleanUps.push(() => {
    for (const socket of server.clients) socket.terminate()
    server.close()
  })
  return { server, url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

function greet(socket: WebSocket): void {
  socket.send(JSON.stringify({ type: 'system', message: '', timestamp: '', protocol: 1 }))
  socket.on('message', (data) => {
    const frame = JSON.parse(String(data)) as { type: string; id?: number; ref?: string; room_id?: string }
    const { type, id, ref, room_id } = frame
    const stamp = { timestamp: '' }
    if (type === 'auth') socket.send(JSON.stringify({ type: 'authenticated', user_id: 'me', session: 's' }))
    if (type === 'ping') socket.send(JSON.stringify({ type: 'pong', id, ...stamp }))
    if (type === 'join') {
      const cursor = { epoch: 'e', offset: 0, id: 'e', messages: [], more: false }
      socket.send(JSON.stringify({ type: 'joined', message: '', ref, room_id, ...cursor, ...stamp }))
    }
  })
}

/** A port where nobody listens. */
async function deadUrl(): Promise<string> {
  const server: Server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return `ws://127.0.0.1:${port}`
}

function bare(url: string | (() => Promise<string>), options: object = {}): ReconnectingWebSocket {
  const socket = new ReconnectingWebSocket(url, undefined, { WebSocket, ...options })
  cleanUps.push(() => socket.close())
  return socket
}

function ours(url: string, options: Partial<ClientOptions<BuiltIn>> = {}, runtime: Partial<Runtime> = {}) {
  const logger = { warn() {}, error() {} }
  const client = createClient({ url, WebSocket, autoConnect: true, logger, ...options }, runtime)
  cleanUps.push(() => client.close())
  return client
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const closeOf = (socket: ReconnectingWebSocket) =>
  new Promise<CloseEvent>((resolve) => {
    socket.onclose = resolve
  })

describe('1. reconnect() while it waits for the next attempt', () => {
  it('reconnect() while it waits for the next attempt: bare: does nothing until the wait ends', async () => {
    const dials: string[] = []
    const url = await deadUrl()
    const socket = bare(() => {
      dials.push(url)
      return Promise.resolve(url)
    })
    await closeOf(socket)
    const before = dials.length
    await pause(20)
    socket.reconnect()
    await pause(300)
    expect(dials.length).toBe(before)
  })

  it('reconnect() while it waits for the next attempt: ours: connect() dials at once', async () => {
    const client = ours(await deadUrl(), { backoff: { minMs: 60_000, baseMs: 60_000, maxMs: 60_000 } })
    await reaches(client.status, 'backoff')
    client.connect()
    expect(client.status.get().state).toBe('dialing')
  })
})

describe('2. a refused connection', () => {
  it('a refused connection: bare: looks like a clean close with code 1000', async () => {
    const socket = bare(await deadUrl(), { maxRetries: 0 })
    expect(await closeOf(socket)).toMatchObject({ code: 1000, wasClean: true })
  })

  it('a refused connection: ours: says what to check, and is tried again', async () => {
    const url = await deadUrl()
    const { reason } = await reaches(ours(url).status, 'backoff')
    expect(reason).toMatch(
      /^No connection to ws:.* so far.*: check that the server runs there, .*path.*proxy/,
    )
    expect(reason).toContain(new URL(url).host)
  })
})

describe('3. the waits between attempts', () => {
  it('the waits between attempts: bare: are the same for everyone, without jitter', async () => {
    const url = await deadUrl()
    const waits = [bare(url), bare(url)].map((socket) => {
      Object.assign(socket, { _retryCount: 1 })
      // The only way to see the wait without waiting for it.
      return (socket as unknown as { _getNextDelay(): number })._getNextDelay()
    })
    expect(waits).toEqual([3_000, 3_000])
  })

  it('the waits between attempts: ours: are spread by full jitter', async () => {
    const url = await deadUrl()
    const waits = await Promise.all(
      [0, 0.5, 0.999].map(async (random) => {
        const client = ours(url, {}, { random: () => random })
        return (await reaches(client.status, 'backoff')).inMs
      }),
    )
    expect(waits).toEqual([100, 300, 500])
  })
})

describe('4. what is sent before the connection is open', () => {
  it('what is sent before the connection is open: bare: is flushed before open fires, so that chat precedes the join, and is unbounded', async () => {
    const received: string[] = []
    const { url } = await serve((socket) => socket.on('message', (data) => received.push(String(data))))
    const socket = bare(url)
    const order: string[] = []
    const opened = new Promise<void>((resolve) => {
      socket.onopen = () => {
        order.push('open')
        socket.send('join')
        resolve()
      }
    })
    for (let i = 0; i < 2_000; i++) socket.send('chat')
    await opened
    await expect.poll(() => received.length).toBe(2_001)
    expect(received.at(-1)).toBe('join')
  })

  it('what is sent before the connection is open: ours: waits in a bounded outbox until the room is joined', async () => {
    const types: string[] = []
    const { url } = await serve((socket) => {
      socket.on('message', (data) => types.push((JSON.parse(String(data)) as { type: string }).type))
      greet(socket)
    })
    const client = ours(url, { outbox: { maxMessages: 2 } })
    const room = client.room('r')
    void room.join()
    room.send('one')
    room.send('two')
    await expect(room.send('three')).rejects.toMatchObject({ code: 'outbox_full' })
    await expect
      .poll(() => types.filter((type) => type !== 'ping'))
      .toEqual(['auth', 'join', 'chat_message', 'chat_message'])
  })
})

describe('5. a URL or token provider that fails', () => {
  it('a URL or token provider that fails: bare: one that rejects with nothing stops the reconnection for good', async () => {
    let calls = 0
    const broken = bare(
      () => {
        calls++
        return Promise.reject()
      },
      { minReconnectionDelay: 1, maxReconnectionDelay: 1 },
    )
    const unhandled = new Promise((resolve) => process.once('unhandledRejection', resolve))
    expect(await unhandled).toBeInstanceOf(TypeError)
    await pause(100)
    expect(calls).toBe(1)
    expect(broken.readyState).toBe(0)
  })

  it('a URL or token provider that fails: ours: one that rejects with nothing, or never settles, is asked again', async () => {
    const { url } = await serve()
    const answers = [() => Promise.reject(), () => new Promise<string>(() => {}), () => 'token']
    const client = ours(url, {
      token: () => answers.shift()?.() ?? 'token',
      timeouts: { tokenMs: 50 },
      backoff: { minMs: 1, baseMs: 1, maxMs: 1 },
    })
    await reaches(client.status, 'online')
  })
})

describe('6. close() while it waits for the next attempt', () => {
  const script = (body: string) =>
    spawnSync(process.execPath, ['--input-type=module', '-e', body], {
      timeout: 10_000,
      encoding: 'utf8',
      cwd: import.meta.dirname,
    })

  it('close() while it waits for the next attempt: bare: emits no close and keeps the process alive until the wait ends', async () => {
    const url = await deadUrl()
    const { stdout } = script(`
      import Socket from 'partysocket/ws'
      import { WebSocket } from 'ws'
      const socket = new Socket('${url}', [], { WebSocket })
      socket.onclose = () => {
        socket.onclose = () => console.log('closed')
        setTimeout(() => {
          const at = performance.now()
          socket.close()
          process.on('exit', () => console.log(performance.now() - at > 1_000 ? 'late' : 'at once'))
        })
      }`)
    expect(stdout).toBe('late\n')
  })

  it('close() while it waits for the next attempt: ours: is closed at once, and no timer is left', async () => {
    const timers = new Set<unknown>()
    const client = ours(
      await deadUrl(),
      {},
      {
        clock: {
          now: () => performance.now(),
          setTimeout(run, ms) {
            const timer = setTimeout(() => {
              timers.delete(timer)
              run()
            }, ms)
            timers.add(timer)
            return timer
          },
          clearTimeout(timer) {
            timers.delete(timer)
            clearTimeout(timer as NodeJS.Timeout)
          },
        },
      },
    )
    await reaches(client.status, 'backoff')
    client.close()
    expect(client.status.get().state).toBe('closed')
    expect(timers.size).toBe(0)
  })
})

describe("7. a server's terminal code", () => {
  it('a server’s terminal code: bare: is retried', async () => {
    let connections = 0
    const { url } = await serve((socket) => {
      connections++
      socket.close(4501, 'Forbidden')
    })
    bare(url, { minReconnectionDelay: 1, maxReconnectionDelay: 1 })
    await expect.poll(() => connections).toBeGreaterThan(2)
  })

  it('a server’s terminal code: ours: ends it, with the reason', async () => {
    let connections = 0
    const { url } = await serve((socket) => {
      connections++
      socket.close(4501, 'Kicked')
    })
    const client = ours(url, { backoff: { minMs: 1, baseMs: 1, maxMs: 1 } })
    expect(await reaches(client.status, 'failed')).toMatchObject({ code: 4501, reason: 'Kicked' })
    expect(connections).toBe(1)
  })
})

describe('8. Node 20 has no global WebSocket', () => {
  it('Node 20 has no global WebSocket: bare: errs for ever, on the console', () => {
    const errors: unknown[] = []
    const { error, WebSocket: global } = { error: console.error, WebSocket: globalThis.WebSocket }
    Object.assign(globalThis, { WebSocket: undefined })
    console.error = (message: unknown) => errors.push(message)
    const socket = new ReconnectingWebSocket('ws://127.0.0.1:1', undefined, {
      minReconnectionDelay: 1,
      maxReconnectionDelay: 1,
    })
    const failures: unknown[] = []
    return new Promise<void>((resolve) => {
      socket.onerror = ({ message }) => {
        failures.push(message)
        if (failures.length === 3) resolve()
      }
    }).finally(() => {
      socket.close()
      console.error = error
      Object.assign(globalThis, { WebSocket: global })
      expect(errors).toHaveLength(1)
    })
  })

  it('Node 20 has no global WebSocket: ours: says with the first attempt what to install and to pass', () => {
    const { WebSocket: global } = globalThis
    Object.assign(globalThis, { WebSocket: undefined })
    try {
      expect(() => createClient({ url: 'ws://127.0.0.1:1' }).connect()).toThrow(
        /npm install ws.*createClient\(\{ url, WebSocket \}\)/,
      )
    } finally {
      Object.assign(globalThis, { WebSocket: global })
    }
  })
})

describe('what the server may do to the socket', () => {
  it('[E14] a binary frame ends the connection, and is no message', async () => {
    const { url } = await serve((socket) => socket.send(Buffer.from([1, 2, 3])))
    const client = ours(url)
    expect(await reaches(client.status, 'failed')).toMatchObject({ code: 1003 })
  })

  it('a WebSocket constructor that throws is a failed attempt, not the end', async () => {
    class Broken {
      constructor() {
        throw new Error('blocked by the page')
      }
    }
    const client = ours('ws://127.0.0.1:1', { WebSocket: Broken })
    expect(await reaches(client.status, 'backoff')).toMatchObject({
      reason: expect.stringContaining('so far (blocked by the page): check'),
    })
  })
})
