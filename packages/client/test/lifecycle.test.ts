import { describe, expect, it, vi } from 'vitest'
import { RoomfulError } from '../src/index.js'
import * as production from '../src/runtime/strings.production.js'
import { chatFrame, errorFrame, joinedFrame, ScriptedServer } from './support/scripted-server.js'

describe('connecting', () => {
  it('[C3] [C6] a client waits for system, sends auth first, and only then joins', async () => {
    const script = new ScriptedServer({ token: 'secret' })
    void script.client.room('r').join()
    expect(script.client.status.get().state).toBe('dialing')
    await script.connection.opens()
    expect(script.client.status.get().state).toBe('authenticating')
    expect(script.connection.take()).toEqual([])
    await script.connection.says({ type: 'system', message: '', timestamp: '', protocol: 1 })
    expect(script.connection.take()).toEqual([{ type: 'auth', protocol: 1, token: 'secret' }])
    await script.connection.says({ type: 'authenticated', user_id: 'ana', session: 's' })
    expect(script.client.status.get()).toMatchObject({ state: 'online', mode: 'full' })
    expect(script.client.user.get()).toBe('ana')
    expect(script.connection.take()).toMatchObject([{ type: 'join', room_id: 'r' }])
  })

  it('[C10] a client gives the session back after a reconnect, so that an anonymous user stays the same', async () => {
    const script = new ScriptedServer()
    await script.connection.welcomes('anon-1')
    expect(script.connection.take()).toEqual([{ type: 'auth', protocol: 1 }])
    await script.connection.closes(1006)
    await script.clock.advance(500)
    await script.connection.welcomes('anon-1')
    expect(script.connection.take()).toEqual([{ type: 'auth', protocol: 1, session: 'session-of-anon-1' }])
  })

  it.each([
    ['opened', () => Promise.resolve(), 'dialing'],
    ['greeted', (script: ScriptedServer) => script.connection.opens(), 'authenticating'],
  ])(
    '[K3] a client gives up a connection that is not %s within 10 s and dials anew',
    async (_, prepare, state) => {
      const script = new ScriptedServer()
      await prepare(script)
      await script.clock.advance(9_999)
      expect(script.client.status.get().state).toBe(state)
      await script.clock.advance(1)
      expect(script.client.status.get().state).toBe('backoff')
      expect(script.connection.closedBy).toBeDefined()
      await script.clock.advance(300)
      expect(script.connections).toHaveLength(2)
    },
  )

  it('a client drops what a connection says after it was given up', async () => {
    const script = new ScriptedServer()
    const [first] = script.connections
    await script.clock.advance(10_000)
    await first?.welcomes('ghost')
    expect(script.client.status.get().state).toBe('backoff')
    expect(script.client.user.get()).toBeUndefined()
  })

  it('[K3] a client backs off with full jitter, and starts anew after 10 s online', async () => {
    const script = new ScriptedServer()
    script.random = 0.999
    const waits: number[] = []
    for (let i = 0; i < 8; i++) {
      await script.connection.closes(1006)
      const status = script.client.status.get()
      if (status.state !== 'backoff') throw new Error(status.state)
      waits.push(Math.round(status.inMs / 100) * 100)
      expect(status.nextAttemptAt).toBe(script.wallTime + status.inMs)
      await script.clock.advance(status.inMs)
    }
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 20_000])
    await script.connection.welcomes()
    await script.clock.advance(5_000)
    await script.connection.closes(1006)
    expect(script.client.status.get()).toMatchObject({ inMs: 19_980 })
    await script.clock.advance(20_000)
    await script.connection.welcomes()
    await script.connection.says({ type: 'pong', timestamp: '', id: 2 })
    await script.clock.advance(10_000)
    await script.connection.closes(1006)
    expect(script.client.status.get()).toMatchObject({ inMs: 500 })
  })

  it('[K1] a client says why in words, and stops for good on a terminal code', async () => {
    const script = new ScriptedServer()
    await script.connection.welcomes()
    const room = script.client.room('r')
    const joined = room.join()
    await script.connection.says(errorFrame('forbidden'))
    await script.connection.closes(4501)
    expect(script.client.status.get()).toMatchObject({ state: 'failed', reason: 'Forbidden', code: 4501 })
    await expect(joined).rejects.toMatchObject({ code: 'forbidden' })
    await script.clock.advance(60_000)
    expect(script.connections).toHaveLength(1)
    expect(script.clock.pending).toBe(0)
    script.client.connect()
    expect(script.connections).toHaveLength(2)
  })

  it('[K1] a client tries a refused token once more only if the getter gives another one', async () => {
    const tokens = ['old', 'new', 'new', 'new']
    const reasons: string[] = []
    const script = new ScriptedServer({
      token: ({ reason }) => {
        reasons.push(reason)
        return tokens.shift() ?? ''
      },
    })
    await script.clock.advance(0)
    await script.connection.opens()
    await script.connection.closes(4500)
    await script.clock.advance(500)
    await script.connection.welcomes()
    expect(script.connection.take()).toMatchObject([{ type: 'auth', token: 'new' }])
    await script.connection.closes(4500)
    await script.clock.advance(1_000)
    expect(script.client.status.get()).toMatchObject({ state: 'failed', code: 4500 })
    expect(reasons).toEqual(['connect', 'invalid', 'invalid'])
  })

  it('[K1] a client stops after five authentications in a row that came too late', async () => {
    const script = new ScriptedServer()
    for (let i = 0; i < 4; i++) {
      await script.connection.closes(4008)
      const status = script.client.status.get()
      await script.clock.advance(status.state === 'backoff' ? status.inMs : 0)
    }
    await script.connection.closes(4008)
    expect(script.client.status.get()).toMatchObject({ state: 'failed', code: 4008 })
  })

  it('[K1] a client waits at least 5 s when the server is overloaded', async () => {
    const script = new ScriptedServer()
    script.random = 0
    await script.connection.closes(4006)
    expect(script.client.status.get()).toMatchObject({ state: 'backoff', inMs: 5_100 })
    script.signal('visible')
    expect(script.connections).toHaveLength(1)
  })

  it('close() ends everything: no timer and no attempt is left', async () => {
    const script = new ScriptedServer()
    await script.connection.closes(1006)
    script.client.close()
    expect(script.client.status.get()).toEqual({ state: 'closed', reason: 'Closed' })
    expect(script.clock.pending).toBe(0)
  })

  it('a handler that closes the client from within a status change leaves nothing behind', async () => {
    const script = new ScriptedServer()
    script.client.on('status', ({ to }) => {
      if (to.state === 'online') script.client.close()
    })
    await script.connection.welcomes()
    expect(script.client.status.get().state).toBe('closed')
    expect(script.connection.closedBy).toMatchObject({ code: 1000 })
    expect(script.clock.pending).toBe(0)
  })
})

describe('tokens', () => {
  it('[K1] a client without a token says so where the server asks for one, in the log without a stack', async () => {
    const warnings: [string, unknown][] = []
    const logger = { warn: (text: string, error: unknown) => warnings.push([text, error]), error: () => {} }
    const script = new ScriptedServer({ logger })
    await script.clock.settle()
    await script.connection.opens()
    await script.connection.says(
      { type: 'system', message: '', timestamp: '', protocol: 1, limits: {} },
      errorFrame('invalid_token'),
    )
    await script.connection.closes(4500, 'Invalid token')
    const text = 'No token: give createClient a `token`'
    expect(script.client.status.get()).toMatchObject({
      state: 'failed',
      reason: text,
      error: { code: 'invalid_token', message: text },
    })
    expect(warnings).toMatchObject([['invalid_token', { stack: 'RoomfulError: invalid_token' }]])
  })

  it.each([
    ['rejects with an error', () => Promise.reject(new Error('no'))],
    ['rejects with a string', () => Promise.reject('no')],
    ['rejects with nothing', () => Promise.reject()],
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
    ['returns no string', () => 7 as never],
  ])('a getter that %s is asked again after a back-off', async (_, token) => {
    let calls = 0
    const script = new ScriptedServer({ token: () => (++calls === 1 ? token() : 'good') })
    await script.clock.advance(0)
    expect(script.client.status.get()).toMatchObject({ state: 'backoff', reason: 'The token getter failed' })
    await script.clock.advance(500)
    expect(script.client.status.get().state).toBe('dialing')
  })

  it('a getter that never settles is given up after 10 s, and its late answer is dropped', async () => {
    const settle: ((token: string) => void)[] = []
    const script = new ScriptedServer({ token: () => new Promise((resolve) => settle.push(resolve)) })
    await script.clock.advance(10_000)
    expect(script.client.status.get().state).toBe('backoff')
    await script.clock.advance(500)
    settle[0]?.('late')
    await script.clock.advance(0)
    expect(script.client.status.get().state).toBe('token')
    settle[1]?.('good')
    await script.clock.advance(0)
    expect(script.client.status.get().state).toBe('dialing')
  })

  it('[C13] a client refreshes on the live connection before the token expires', async () => {
    const reasons: string[] = []
    const script = new ScriptedServer({
      token: ({ reason }) => {
        reasons.push(reason)
        return reason
      },
    })
    const expiring: number[] = []
    script.client.on('expiring', ({ in_ms }) => expiring.push(in_ms))
    await script.clock.advance(0)
    await script.connection.opens()
    await script.connection.says({ type: 'system', message: '', timestamp: '', protocol: 1 })
    await script.connection.says({
      type: 'authenticated',
      user_id: 'ana',
      session: 's',
      expires_in_ms: 8_000,
    })
    await script.connection.says({ type: 'pong', timestamp: '', id: 1 })
    script.connection.take()
    await script.clock.advance(6_000)
    expect(script.connection.take()).toEqual([{ type: 'auth', protocol: 1, token: 'expiring' }])
    expect(expiring).toEqual([2_000])
    expect(reasons).toEqual(['connect', 'expiring'])
    expect(script.client.status.get().state).toBe('online')
  })

  it('[C12] a client asks for another token when the old one expired', async () => {
    const reasons: string[] = []
    const script = new ScriptedServer({
      token: ({ reason }) => {
        reasons.push(reason)
        return reason
      },
    })
    await script.clock.advance(0)
    await script.connection.welcomes()
    await script.connection.closes(4004)
    await script.clock.advance(500)
    expect(reasons).toEqual(['connect', 'expired'])
  })
})

describe('a client that never got through', () => {
  const reasonOf = async (script: ScriptedServer) => {
    await script.connection.closes(1006)
    return script.client.status.get().reason
  }

  it('a client that never got through says what to check, without the token, once in the log', async () => {
    const warnings: string[] = []
    const logger = { warn: (text: string) => warnings.push(text), error: () => {} }
    const script = new ScriptedServer({ url: 'ws://test/chat?token=secret', logger })
    const reason =
      'No connection to ws://test/chat so far: check that the server runs there, that the path is right, and that a proxy in between passes WebSockets on'
    expect(await reasonOf(script)).toBe(reason)
    await script.clock.advance(500)
    expect(await reasonOf(script)).toBe(reason)
    expect(warnings).toEqual([reason])
  })

  it('a client that never got through says so when the dial times out as well', async () => {
    const script = new ScriptedServer()
    await script.clock.advance(10_000)
    expect(script.client.status.get().reason).toMatch(/^No connection to ws:\/\/test\/ so far: check/)
  })

  it.each([
    ['https://app.example', 'https:', "this page's origin (https://app.example) in `origins`"],
    [
      'null',
      'file:',
      "that this page, which is a file, is served over HTTP instead (or that the server lists 'null'",
    ],
  ])(
    'a client that never got through names the origin of a page from %s',
    async (origin, protocol, words) => {
      vi.stubGlobal('location', { origin, protocol, href: 'https://app.example/' })
      try {
        expect(await reasonOf(new ScriptedServer())).toContain(words)
      } finally {
        vi.unstubAllGlobals()
      }
    },
  )

  it.each([
    ['https://app.example', 'Cannot reach ws://test/: check server, path, origin https://app.example, proxy'],
    [
      'null',
      "Cannot reach ws://test/: check server, path, file: (serve it, or list 'null' in origins), proxy",
    ],
  ])('a client that never got through says it in a production build: %s', (origin, words) => {
    expect(production.unreachable('ws://test/', '', origin)).toBe(words)
  })

  it('a client that never got through speaks of a lost connection once it has been greeted', async () => {
    const script = new ScriptedServer()
    await script.connection.opens()
    await script.connection.says({ type: 'system', message: '', timestamp: '', protocol: 1 })
    expect(await reasonOf(script)).toBe('Connection lost')
  })
})

describe('heartbeat and network', () => {
  it('[C16] a client measures the latency, degrades when a pong is late, and connects anew without one', async () => {
    const script = new ScriptedServer()
    await script.connection.welcomes()
    await script.clock.advance(40)
    await script.connection.says({ type: 'pong', timestamp: '', id: 1 })
    expect(script.client.latency.get()).toBe(40)
    expect(script.client.status.get()).toMatchObject({ state: 'online', latencyMs: 40 })
    await script.clock.advance(25_000)
    expect(script.connection.frames.at(-1)).toEqual({ type: 'ping', id: 2 })
    await script.clock.advance(2_000)
    expect(script.client.status.get()).toMatchObject({ state: 'degraded', latencyMs: 40 })
    await script.clock.advance(5_600)
    expect(script.client.status.get()).toMatchObject({
      state: 'backoff',
      reason: 'The server stopped answering',
    })
    expect(script.connection.closedBy).toMatchObject({ code: 4001 })
  })

  it('a pong to an earlier ping does not count', async () => {
    const script = new ScriptedServer()
    await script.connection.welcomes()
    await script.clock.advance(1_000)
    script.signal('visible')
    await script.connection.says({ type: 'pong', timestamp: '', id: 1 })
    expect(script.client.latency.get()).toBeUndefined()
    await script.clock.advance(3_000)
    expect(script.client.status.get().state).toBe('backoff')
  })

  it('a client probes when the page becomes visible, and connects anew if there is no pong in 3 s', async () => {
    const script = new ScriptedServer()
    await script.connection.welcomes()
    await script.connection.says({ type: 'pong', timestamp: '', id: 1 })
    await script.clock.advance(1_000)
    script.signal('visible')
    expect(script.connection.frames.at(-1)).toEqual({ type: 'ping', id: 2 })
    await script.clock.advance(3_000)
    expect(script.client.status.get().state).toBe('backoff')
  })

  it('a timer that ran late, in a throttled or sleeping page, probes again instead of giving up', async () => {
    const script = new ScriptedServer()
    await script.connection.welcomes()
    script.clock.sleep(3_600_000)
    await script.clock.advance(0)
    expect(script.client.status.get().state).toBe('online')
    await script.connection.says({ type: 'pong', timestamp: '', id: 2 })
    expect(script.client.status.get().state).toBe('online')
  })

  it('a client dials slowly while the browser says that there is no network, and at once when it is back', async () => {
    const script = new ScriptedServer()
    await script.connection.welcomes()
    await script.connection.closes(1006)
    script.isOffline = true
    script.signal('offline')
    const offline = { state: 'offline', reason: 'There is no network', inMs: 15_000 }
    expect(script.client.status.get()).toMatchObject(offline)
    await script.clock.advance(14_999)
    expect(script.connections).toHaveLength(1)
    await script.clock.advance(1)
    expect(script.connections).toHaveLength(2)
    await script.connection.closes(1006)
    expect(script.client.status.get()).toMatchObject(offline)
    script.isOffline = false
    script.signal('online')
    expect(script.connections).toHaveLength(3)
  })

  it('a client finds a server that is back without any signal, whatever the browser says', async () => {
    const script = new ScriptedServer({ backoff: { maxMs: 1_000 } })
    script.isOffline = true
    await script.connection.welcomes()
    await script.connection.closes(1006)
    for (let attempt = 0; attempt < 20; attempt++) {
      await script.clock.advance(1_000)
      await script.connection.closes(1006)
    }
    expect(script.connections).toHaveLength(21)
    await script.clock.advance(1_000)
    await script.connection.welcomes()
    expect(script.client.status.get().state).toBe('online')
  })

  it('[C20] a client comes no earlier than the server advised, though a signal says that the network is back', async () => {
    const script = new ScriptedServer()
    await script.connection.welcomes()
    script.isOffline = true
    await script.connection.says({ type: 'draining', reconnect_after_ms: 60_000 })
    await script.connection.closes(1012)
    expect(script.client.status.get()).toMatchObject({ state: 'offline', inMs: 60_000 })
    script.signal('online')
    expect(script.connections).toHaveLength(1)
  })

  it('[C17] [K5] a client with too many connections of its user waits until the page is looked at, and comes back at once', async () => {
    const script = new ScriptedServer()
    await script.connection.welcomes()
    await script.connection.closes(4009)
    expect(script.client.status.get().state).toBe('waiting')
    script.signal('offline')
    script.signal('online')
    await script.clock.advance(600_000)
    expect(script.connections).toHaveLength(1)
    script.signal('visible')
    expect(script.connections).toHaveLength(2)
    await script.connection.welcomes()
    await script.connection.closes(4009)
    script.client.connect()
    expect(script.connections).toHaveLength(3)
  })

  it('a client tries at first even though the browser says offline: a server on this machine is there', async () => {
    const script = new ScriptedServer({ autoConnect: false })
    script.isOffline = true
    script.client.connect()
    expect(script.connections).toHaveLength(1)
    await script.connection.closes(1006)
    expect(script.client.status.get().state).toBe('offline')
  })

  it('[C20] a client moves on when the draining server advised, and not before', async () => {
    const script = new ScriptedServer()
    const advice: number[] = []
    script.client.on('draining', ({ reconnect_after_ms }) => advice.push(reconnect_after_ms))
    await script.connection.welcomes()
    await script.connection.says(
      { type: 'pong', timestamp: '', id: 1 },
      { type: 'draining', reconnect_after_ms: 8_000 },
    )
    expect(advice).toEqual([8_000])
    await script.clock.advance(7_999)
    expect(script.connections).toHaveLength(1)
    await script.clock.advance(1)
    expect(script.connections).toHaveLength(2)
  })

  it('[C20] a client waits out the advice when the server closes earlier', async () => {
    const script = new ScriptedServer()
    script.random = 0
    await script.connection.welcomes()
    await script.connection.says({ type: 'draining', reconnect_after_ms: 8_000 })
    await script.clock.advance(1_000)
    await script.connection.closes(1012)
    expect(script.client.status.get()).toMatchObject({ state: 'backoff', inMs: 7_100 })
  })
})

describe('events', () => {
  it('a handler that throws or rejects is reported and stops nobody else', async () => {
    const script = new ScriptedServer()
    const room = script.client.room('r')
    const heard: number[] = []
    room.on('chat_message', () => {
      throw new Error('thrown')
    })
    room.on('chat_message', async () => {
      throw new Error('rejected')
    })
    room.on('chat_message', ({ offset }) => heard.push(offset ?? 0))
    await script.connection.welcomes()
    void room.join()
    await script.connection.says(joinedFrame(script.connection.take().at(-1)))
    await script.clock.advance(0)
    await script.connection.says(chatFrame(1), chatFrame(2))
    expect(heard).toEqual([1, 2])
    expect(script.errors).toHaveLength(4)
  })

  it('off() twice is safe, and the same handler may be added twice', async () => {
    const script = new ScriptedServer()
    const seen: string[] = []
    const handler = ({ to }: { to: { state: string } }) => seen.push(to.state)
    const offs = [script.client.on('status', handler), script.client.on('status', handler)]
    offs[0]?.()
    offs[0]?.()
    await script.connection.opens()
    expect(seen).toEqual(['authenticating'])
  })

  it('an error frame without a request is an error event', async () => {
    const script = new ScriptedServer()
    const errors: RoomfulError[] = []
    script.client.on('error', (error) => errors.push(error))
    await script.connection.welcomes()
    await script.connection.says(errorFrame('rate_limited', { retry_after_ms: 100 }))
    await script.connection.says({ type: 'chat_message', message: 7 })
    expect(errors).toMatchObject([
      { code: 'rate_limited', temporary: true, retryAfterMs: 100 },
      { code: 'invalid_message' },
    ])
    expect(errors[0]).toBeInstanceOf(RoomfulError)
  })
})
