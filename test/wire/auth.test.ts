import type { Authentication, AuthenticationRequest } from '@roomful/server'
import { describe, expect, it } from 'vitest'
import { connect, connectExtended, dial } from '../support/connect.js'
import { gate, logText, serve, WireClock } from '../support/wire-server.js'

const TOKENS: Readonly<Record<string, () => Authentication>> = {
  'ana-secret': () => ({ userId: 'ana', profile: { name: 'Ana' } }),
  'bob-secret': () => ({ userId: 'bob' }),
  'old-secret': () => ({ refused: 'expired' }),
  'down-secret': failToLookUp,
}

function failToLookUp(): never {
  throw new Error('the user store is away')
}

const guarded = {
  authenticate: ({ token }: AuthenticationRequest) => (TOKENS[token ?? ''] ?? (() => null))(),
  authorize: () => true,
}

function auth(token?: string, ref?: string) {
  return {
    type: 'auth',
    protocol: 1,
    ...(token !== undefined && { token }),
    ...(ref !== undefined && { ref }),
  }
}

describe('a token', () => {
  it('[C5] [C6] a token in the first frame gives the user, and authenticated comes before later answers', async () => {
    const { url } = await serve(guarded)
    const client = await connect(url)
    client.send(auth('ana-secret', 'r1'))
    client.send({ type: 'join', room_id: 'lobby' })
    await client.next('joined')
    expect(client.frames[1]).toEqual({
      type: 'authenticated',
      user_id: 'ana',
      session: expect.any(String),
      ref: 'r1',
    })
  })

  it('[C5] [C6] [B4] a token in the query gives the user, and the connection stays a naive one', async () => {
    const { url } = await serve(guarded)
    const naive = await connect(`${url}?x=1&token=ana-secret`)
    expect(await naive.next('authenticated')).toMatchObject({ user_id: 'ana' })
    expect(await naive.join('lobby')).not.toHaveProperty('members')
    naive.send({ type: 'chat_message', message: 'hi' })
    expect((await naive.next('chat_message')).user_id).toBe('ana')
  })

  it('[C15] an auth without a token keeps the user of the query token, and extends the connection', async () => {
    const { url } = await serve(guarded)
    const client = await connect(`${url}?token=ana-secret`)
    await client.next('authenticated')
    expect(await client.ask(auth(), 'authenticated')).toMatchObject({ user_id: 'ana' })
    expect(await client.join('lobby')).toMatchObject({
      members: [{ user_id: 'ana', profile: { name: 'Ana' } }],
    })
  })

  it.each([
    ['wrong', 'invalid_token', 4500],
    ['old-secret', 'token_expired', 4004],
    ['down-secret', 'unavailable', 1013],
  ])('[C8] [K4] a token: %s is answered, then the connection is closed', async (token, code, close) => {
    const { url, log } = await serve(guarded)
    for (const client of [dial(`${url}?token=${token}`), dial(url)]) {
      await client.next('system')
      if (client.socket.url === url) client.send(auth(token, 'r'))
      expect(await client.next('error')).toMatchObject({ code })
      expect((await client.closed).code).toBe(close)
    }
    expect(logText(log)).not.toContain(token)
  })

  it('[C7] without a token, everything but auth and ping is refused, whatever it is', async () => {
    const { url } = await serve(guarded)
    const client = await connect(url)
    const refused = [
      { type: 'join', room_id: 'lobby', ref: 'r' },
      { type: 'join' },
      { type: 'leave', room_id: 'lobby' },
      { type: 'chat_message', room_id: 'lobby', message: 'hi', client_id: 'c' },
      { type: 'typing_start' },
      { type: 'history', limit: -1 },
      { type: 'presence', state: {} },
    ]
    for (const message of refused) expect(await client.refusal(message)).toBe('not_authenticated')
    await client.ask({ type: 'ping' }, 'pong')
    expect(client.frames.find(({ ref }) => ref === 'r')).toMatchObject({ room_id: 'lobby' })
    await client.ask(auth('ana-secret'), 'authenticated')
    await client.join('lobby')
  })

  it('[C7] messages that come while it is being checked wait for the result', async () => {
    const { opened, open } = gate()
    const { url } = await serve({
      authenticate: async () => {
        await opened
        return { userId: 'ana' }
      },
      authorize: () => true,
    })
    const client = await connect(url)
    client.send(auth('t'))
    client.send({ type: 'join', room_id: 'lobby' })
    await client.never('joined')
    open()
    await client.next('joined')
  })

  it('[C9] a token that does not come within its time ends the connection with 4008', async () => {
    const clock = new WireClock()
    const { url } = await serve({ ...guarded, clock })
    const late = await connect(url)
    const punctual = await connectExtended(url, { token: 'ana-secret' })
    await clock.advance(9_500)
    await late.never('error')
    await clock.advance(500)
    expect(await late.next('error')).toMatchObject({ code: 'auth_timeout' })
    expect(await late.closed).toEqual({ code: 4008, reason: 'Authentication timed out' })
    await punctual.never('error')
  })

  it('[C5] [C11] a token and the session appear in no log, and in no frame of others', async () => {
    const { url, log } = await serve(guarded)
    const ana = await connectExtended(url, { token: 'ana-secret' })
    const bob = await connect(`${url}?token=bob-secret`)
    const { session } = await bob.next('authenticated')
    await ana.join('lobby')
    await bob.join('lobby')
    bob.sendText('not json')
    await bob.next('error')
    bob.socket.send(Buffer.from([1, 2, 3]))
    await bob.closed
    await ana.next('user_left')
    const told = logText(log) + JSON.stringify(ana.frames.slice(2))
    expect(log.length).toBeGreaterThan(0)
    for (const secret of ['ana-secret', 'bob-secret', session]) expect(told).not.toContain(secret)
  })

  it('a token that brings no user id is a fault of the application, and lets nobody in', async () => {
    const { url, log } = await serve({
      authenticate: () => JSON.parse('{"userId": 7}') as Authentication,
      authorize: () => true,
    })
    const client = await connect(url)
    expect(await client.refusal(auth('t'))).toBe('unavailable')
    expect((await client.closed).code).toBe(1013)
    expect(logText(log)).toContain('a userId that is a non-empty string')
  })
})

describe('an unsupported version', () => {
  it('[C4] an unsupported version is told, then closed with 4503', async () => {
    const { url } = await serve()
    const client = await connect(url)
    const error = await client.ask({ type: 'auth', protocol: 2, ref: 'r' }, 'error')
    expect(error).toMatchObject({ code: 'unsupported_version', ref: 'r' })
    expect((await client.closed).code).toBe(4503)
  })
})

describe('a session', () => {
  it('[C10] a session gives an anonymous user its id back', async () => {
    const { url } = await serve()
    const before = await connectExtended(url)
    await before.vanish()
    const after = await connectExtended(url, { session: before.session })
    expect(after.userId).toBe(before.userId)
  })

  it('[C10] a session that is not genuine gives a new user and no error', async () => {
    const { url } = await serve()
    const ana = await connectExtended(url)
    const [payload, signature = ''] = ana.session.split('.')
    const forged = [
      'nonsense',
      `${payload}.${signature.slice(0, -2)}AA`,
      `${Buffer.from('root').toString('base64url')}.${signature}`,
    ]
    for (const session of forged) {
      const bob = await connectExtended(url, { session })
      expect(bob.userId).toMatch(/^anon-/)
      expect(bob.userId).not.toBe(ana.userId)
      await bob.never('error')
    }
  })

  it('[C10] a session never takes the place of a token', async () => {
    const { url } = await serve(guarded)
    const ana = await connectExtended(url, { token: 'ana-secret' })
    const thief = await connect(url)
    expect(await thief.refusal({ type: 'auth', protocol: 1, session: ana.session })).toBe('invalid_token')
  })

  it('[C11] a session is taken by all nodes that share the secret, and by no other', async () => {
    const [one, two, stranger] = [
      await serve({ sessionSecret: 'shared between nodes' }),
      await serve({ sessionSecret: 'shared between nodes' }),
      await serve({ sessionSecret: 'another secret of a node' }),
    ]
    const ana = await connectExtended(one.url)
    expect((await connectExtended(two.url, { session: ana.session })).userId).toBe(ana.userId)
    expect((await connectExtended(stranger.url, { session: ana.session })).userId).not.toBe(ana.userId)
  })

  it('[C10] [C14] a session makes nobody another user who has joined a room, or said who it is', async () => {
    const { url } = await serve()
    const ana = await connectExtended(url)
    const member = await connect(url)
    await member.join('lobby')
    expect(await member.refusal({ type: 'auth', protocol: 1, session: ana.session })).toBe('forbidden')
    const bob = await connectExtended(url)
    expect(await bob.refusal({ type: 'auth', protocol: 1, session: ana.session, ref: 'r' })).toBe('forbidden')
    expect(await bob.ask(auth(), 'authenticated')).toMatchObject({ user_id: bob.userId })
    await member.join('lobby')
  })
})

describe('an expiry', () => {
  function expiring(clock: WireClock, lastsMs: (token: string) => number) {
    return {
      clock,
      authenticate: ({ token = '' }: AuthenticationRequest) => ({
        userId: 'ana',
        expiresAt: clock.wallTime() + lastsMs(token),
      }),
      authorize: () => true,
    }
  }

  it('[C12] an expiry is told in advance, and enforced', async () => {
    const clock = new WireClock()
    const { url } = await serve(expiring(clock, () => 60_000))
    const ana = await connect(url)
    expect(await ana.ask(auth('t'), 'authenticated')).toMatchObject({ expires_in_ms: 60_000 })
    await clock.advance(59_000)
    await ana.never('error')
    await clock.advance(1_000)
    expect(await ana.next('error')).toMatchObject({ code: 'token_expired' })
    expect(await ana.closed).toEqual({ code: 4004, reason: 'Token expired' })
  })

  it('[C12] an expiry does not depend on the wall clock, which may jump', async () => {
    const clock = new WireClock()
    const { url } = await serve(expiring(clock, () => 60_000))
    const ana = await connectExtended(url, { token: 't' })
    clock.jumpWall(3_600_000)
    await clock.advance(1_000)
    await ana.never('error')
    clock.jumpWall(-7_200_000)
    await clock.advance(59_000)
    expect((await ana.closed).code).toBe(4004)
  })

  it('[C13] an expiry moves with a refresh in place; rooms and order are untouched', async () => {
    const clock = new WireClock()
    const { url } = await serve(expiring(clock, (token) => (token === 'first' ? 60_000 : 120_000)))
    const ana = await connectExtended(url, { token: 'first' })
    await ana.join('lobby')
    await ana.chat('lobby', 'one', { client_id: 'a' })
    await clock.advance(50_000)
    expect(await ana.ask(auth('second'), 'authenticated')).toMatchObject({ expires_in_ms: 120_000 })
    await clock.advance(100_000)
    await ana.chat('lobby', 'two', { client_id: 'b', after: 'a' })
    await ana.never('joined')
    await clock.advance(20_000)
    expect((await ana.closed).code).toBe(4004)
  })

  it.each([0, -1])('[C8] an expiry that is over (%s) does not let anyone in', async (ms) => {
    const clock = new WireClock()
    const { url } = await serve(expiring(clock, () => ms))
    const ana = await connect(url)
    expect(await ana.refusal(auth('t'))).toBe('token_expired')
    expect((await ana.closed).code).toBe(4004)
  })

  const year3000 = Date.UTC(3000, 0)
  it.each([
    ['in seconds, as a JWT has it', year3000 / 1000, /exp \* 1000/],
    ['made of seconds', new Date(year3000 / 1000), /exp \* 1000/],
    ['null', null, /a Date or ms since 1970/],
    ['no number', Number.NaN, /a Date or ms since 1970/],
    ['no date', new Date(Number.NaN), /a Date or ms since 1970/],
    ['a text', new Date(year3000).toISOString(), /a Date or ms since 1970/],
  ])(
    '[C8] an expiry that is %s is a fault of authenticate, logged with its mend',
    async (_, expiresAt, says) => {
      const { url, log } = await serve({
        authenticate: () => ({ userId: 'ana', expiresAt }) as unknown as Authentication,
        authorize: () => true,
      })
      const ana = await connect(url)
      expect(await ana.refusal(auth('t'))).toBe('unavailable')
      expect((await ana.closed).code).toBe(1013)
      expect(logText(log)).toMatch(says)
    },
  )

  it('[C8] an expiry that is a Date, or never comes, lets its user in', async () => {
    const dates = [new Date(year3000), year3000, Number.POSITIVE_INFINITY, undefined]
    const { url } = await serve({
      authenticate: () => ({ userId: 'ana', expiresAt: dates.pop() }) as Authentication,
      authorize: () => true,
    })
    while (dates.length > 0) await connectExtended(url, { token: 't' })
  })
})

describe('a later auth', () => {
  it.each([
    ['wrong', 4500],
    ['old-secret', 4004],
  ])('[C13] a later auth with a token that is %s ends the connection', async (token, code) => {
    const { url } = await serve(guarded)
    const ana = await connectExtended(url, { token: 'ana-secret' })
    ana.send(auth(token))
    expect((await ana.closed).code).toBe(code)
  })

  it('[C13] a later auth that cannot be checked for now leaves the old expiry', async () => {
    const { url } = await serve(guarded)
    const ana = await connectExtended(url, { token: 'ana-secret' })
    await ana.join('lobby')
    expect(await ana.refusal(auth('down-secret'))).toBe('unavailable')
    await ana.chat('lobby', 'still here')
  })

  it('[C14] a later auth as another user is forbidden; the connection goes on as who it was', async () => {
    const { url } = await serve(guarded)
    const ana = await connectExtended(url, { token: 'ana-secret' })
    await ana.join('lobby')
    expect(await ana.ask(auth('bob-secret', 'r'), 'error')).toMatchObject({ code: 'forbidden', ref: 'r' })
    await ana.chat('lobby', 'still me')
    expect((await ana.next('chat_message')).user_id).toBe('ana')
  })
})
