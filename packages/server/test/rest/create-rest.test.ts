import { defineProtocol } from '@roomful/protocol'
import { bearer, createServer, memory, RoomfulError, silentLogger } from '@roomful/server'
import { createRest, type RestOptions, type RestRoom } from '@roomful/server/rest'
import { afterEach, beforeEach, describe, expect, expectTypeOf, it, onTestFinished, vi } from 'vitest'
import * as z from 'zod/mini'

const protocol = defineProtocol({
  chat: z.object({ mood: z.string() }),
  server: { paid: z.object({ invoice: z.number() }) },
})
const KEY = 'a-key-of-the-test,-of-32-or-more'
type Attempt = 'lost' | 'lost after it was done' | Response | undefined

/**
 * A server's handles, with what becomes of each attempt: it is lost before or after the server carried it out, gets an
 * answer that is not the server's, or is answered.
 */
function restOver(attempts: readonly Attempt[], options: Partial<RestOptions<typeof protocol>> = {}) {
  const server = createServer({ protocol, backplane: memory(), logger: silentLogger })
  onTestFinished(() => server.close())
  const api = server.http({ authenticate: bearer(KEY) })
  const sent: RequestInit[] = []
  const fetch = async (url: string, init: RequestInit): Promise<Response> => {
    const attempt = attempts[sent.length]
    sent.push(init)
    if (attempt instanceof Response) return attempt.clone()
    if (attempt === 'lost') throw new TypeError('fetch failed')
    const answer = await api.fetch(new Request(url, init))
    if (attempt !== undefined) throw new TypeError('fetch failed')
    return answer
  }
  const rest = createRest({ url: 'https://example.com/api/', key: KEY, protocol, fetch, ...options })
  return { server, rest, room: rest.room('a'), sent, keys: () => sent.map(keyOf) }
}

const keyOf = ({ headers }: RequestInit) => new Headers(headers).get('idempotency-key')
const paid = { type: 'paid', invoice: 17 } as const
const busy = (headers: Record<string, string> = {}) => new Response('Busy', { status: 503, headers })
const problem = (status: number, body: object) => new Response(JSON.stringify(body), { status })

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'Date'] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** What a call comes to, and after which time, in ms; waits are over at once. */
async function outcome(call: Promise<unknown>) {
  const startedAt = Date.now()
  const settled = call.then(
    (value) => ({ value, error: undefined }),
    (error: RoomfulError) => ({ value: undefined, error }),
  )
  let isOver = false
  void settled.then(() => {
    isOver = true
  })
  for (let round = 0; round < 1_000 && !isOver; round++) {
    await new Promise((resolve) => setImmediate(resolve))
    await vi.advanceTimersToNextTimerAsync()
  }
  return { ...(await settled), ms: Date.now() - startedAt }
}

describe('an attempt that fails for now', () => {
  it('a publish is tried again under the same key until it is answered, and logged once', async () => {
    const { server, room, keys } = restOver(['lost after it was done', busy(), 'lost', undefined])
    const { value, ms } = await outcome(room.publish(paid))
    expect(value).toMatchObject({ offset: 1, duplicate: true })
    expect(ms).toBeGreaterThanOrEqual(250 + 500 + 1_000)
    expect(new Set(keys()).size).toBe(1)
    expect(keys()).toHaveLength(4)
    expect((await server.room('a').history()).messages).toHaveLength(1)
    const { room: again, keys: edits } = restOver([undefined, 'lost after it was done', undefined])
    const target = await again.chat.send('one')
    expect((await outcome(again.chat.edit(target, 'two'))).value).toMatchObject({
      offset: 2,
      duplicate: true,
    })
    expect(edits()[1]).toBe(edits()[2])
    const { room: other, keys: others } = restOver([])
    await outcome(Promise.all([other.publish(paid), other.chat.send('Hello')]))
    expect(new Set([...keys(), ...others()]).size).toBe(3)
  })

  it.each([
    ['own', {}, 'outcome_unknown', false],
    ['caller’s', { key: 'invoice 17' }, 'unavailable', true],
  ])(
    'a publish that is never answered says by its error whether it is safe to repeat (%s key)',
    async (_, options, code, temporary) => {
      const { room, sent } = restOver(['lost after it was done', 'lost', 'lost', 'lost', 'lost'])
      const { error } = await outcome(room.publish(paid, options))
      expect(error).toBeInstanceOf(RoomfulError)
      expect(error).toMatchObject({
        code,
        temporary,
        message: expect.stringContaining('POST https://example.com/api/rooms/a/messages'),
      })
      expect(sent).toHaveLength(4)
    },
  )

  it('a publish that may have been carried out is not told to be refused by a later answer', async () => {
    const answers = () => ['lost after it was done', problem(401, { code: 'not_authenticated' })] as const
    const { error } = await outcome(restOver(answers()).room.publish(paid))
    expect(error).toMatchObject({ code: 'outcome_unknown', cause: { code: 'not_authenticated' } })
    const keyed = await outcome(restOver(answers()).room.publish(paid, { key: 'k' }))
    expect(keyed.error).toMatchObject({ code: 'not_authenticated' })
  })

  it('a publish that was surely not carried out says so', async () => {
    const closed = () => problem(503, { code: 'closed', detail: 'This server is closed' })
    const { error } = await outcome(restOver([closed(), closed(), closed(), closed()]).room.publish(paid))
    expect(error).toMatchObject({ code: 'closed', message: 'This server is closed', status: 503 })
  })

  it('a publish is repeated as it was, even if its message has been changed in the meantime', async () => {
    const message = { type: 'paid' as const, invoice: 17 }
    const { server, room, sent } = restOver(['lost after it was done'])
    const call = outcome(room.publish(message))
    message.invoice = 18
    expect((await call).value).toMatchObject({ offset: 1, duplicate: true })
    expect(sent[1]?.body).toBe(sent[0]?.body)
    expect((await server.room('a').history()).messages).toMatchObject([{ invoice: 17 }])
  })

  it('a read is tried again, and is unavailable in the end', async () => {
    const { room, sent } = restOver(['lost', busy()])
    expect((await outcome(room.history())).value).toMatchObject({ messages: [] })
    expect(sent).toHaveLength(3)
    const away = restOver(['lost'], { retries: 0 })
    expect((await outcome(away.room.members())).error).toMatchObject({ code: 'unavailable', temporary: true })
    expect(away.sent).toHaveLength(1)
  })

  it('a mute and a ban are tried again, for the second time changes nothing', async () => {
    const { rest, room, sent } = restOver(['lost after it was done', 'lost'])
    await outcome(room.mute('ana', { forMs: 60_000 }))
    await room.ban('ana', { forMs: Number.POSITIVE_INFINITY })
    await room.unban('ana')
    await room.unmute('ana')
    await rest.ban('ana', { forMs: 60_000 })
    await rest.unban('ana')
    const timed = '{"for_ms":60000}'
    expect(sent.map(({ body }) => body)).toEqual([
      ...[timed, timed, timed],
      '{}',
      ...[undefined, undefined],
      ...[timed, undefined],
    ])
    const away = restOver(['lost after it was done'], { retries: 0 })
    expect((await outcome(away.room.mute('ana'))).error).toMatchObject({ code: 'unavailable' })
    await expect(room.mute('ana', { forMs: -1 })).rejects.toThrow(TypeError)
  })

  it('who is muted or banned is listed as the server lists them', async () => {
    const { rest, room, server } = restOver(['lost'])
    await server.room('a').mute('ana', { forMs: Number.POSITIVE_INFINITY })
    await server.room('a').ban('ben', { forMs: 60_000 })
    await server.ban('cyd')
    const first = await outcome(room.listRestrictions({ limit: 1 }))
    expect(first.value).toEqual({ restrictions: [{ userId: 'ana', muted: {} }], more: true })
    expect(await room.listRestrictions({ after: 'ana' })).toEqual({
      restrictions: [{ userId: 'ben', banned: { forMs: expect.any(Number) } }],
      more: false,
    })
    expect(await rest.listRestrictions()).toEqual(await server.listRestrictions())
    await expect(room.listRestrictions({ limit: 0 })).rejects.toThrow(TypeError)
  })

  it.each<[string, (room: RestRoom<typeof protocol>) => Promise<void>]>([
    ['kick', (room) => room.kick('ana')],
  ])('a %s is not tried again, since it could do more than was asked', async (_, act) => {
    const { room, sent } = restOver(['lost after it was done'])
    expect((await outcome(act(room))).error).toMatchObject({ code: 'outcome_unknown' })
    expect(sent).toHaveLength(1)
  })

  it('a refusal is final', async () => {
    const { room, sent } = restOver([])
    expect((await outcome(room.chat.send(' '))).error).toMatchObject({ code: 'message_empty' })
    expect(sent).toHaveLength(1)
  })
})

describe('a server that says when to come back', () => {
  it.each([
    ['in seconds', () => busy({ 'retry-after': '3' })],
    ['as a date', () => busy({ 'retry-after': new Date(Date.now() + 4_000).toUTCString() })],
    ['in a problem', () => problem(503, { code: 'unavailable', retry_after_ms: 3_000 })],
    ['with 429', () => new Response('', { status: 429, headers: { 'retry-after': '3' } })],
  ])('the next attempt waits as long (%s)', async (_, answer) => {
    const { room } = restOver([answer()])
    const { value, ms } = await outcome(room.publish(paid))
    expect(value).toMatchObject({ offset: 1 })
    expect(ms).toBeGreaterThanOrEqual(3_000)
    expect(ms).toBeLessThanOrEqual(4_000)
  })

  it.each([
    ['a negative number', () => busy({ 'retry-after': '-5' })],
    ['a negative number in a problem', () => problem(503, { code: 'unavailable', retry_after_ms: -5_000 })],
    ['a date in the past', () => busy({ 'retry-after': new Date(0).toUTCString() })],
    ['words', () => busy({ 'retry-after': 'in May 2099' })],
  ])('a time to wait that is none is ignored (%s)', async (_, answer) => {
    const { room } = restOver([answer()])
    const { value, ms } = await outcome(room.publish(paid))
    expect(value).toMatchObject({ offset: 1 })
    expect(ms).toBeLessThanOrEqual(500)
  })

  it.each([
    ['in seconds', () => busy({ 'retry-after': '9'.repeat(400) })],
    ['in a problem', () => new Response('{"code":"unavailable","retry_after_ms":1e999}', { status: 503 })],
  ])(
    'an endless time to wait is not waited for, and is given as one that a timer can take (%s)',
    async (_, answer) => {
      const { room, sent } = restOver([answer()])
      const { error, ms } = await outcome(room.history())
      expect(error).toMatchObject({ code: 'unavailable', retryAfterMs: 2 ** 31 - 1 })
      expect([sent.length, ms]).toEqual([1, 0])
    },
  )

  it('a publish that may have been carried out tells when to come back, too', async () => {
    const { room } = restOver(['lost after it was done', busy({ 'retry-after': '60' })])
    const { error } = await outcome(room.publish(paid))
    expect(error).toMatchObject({ code: 'outcome_unknown', retryAfterMs: 60_000 })
  })

  it('a call does not wait for more than ten seconds, and tells when to come back', async () => {
    const { room, sent } = restOver([busy({ 'retry-after': '60' })])
    const { error, ms } = await outcome(room.history())
    expect(error).toMatchObject({ code: 'unavailable', retryAfterMs: 60_000 })
    expect([sent.length, ms]).toEqual([1, 0])
  })
})

it('an attempt without an answer in time is given up, and another one made', async () => {
  vi.useRealTimers()
  let attempts = 0
  const fetch = async (_: string, { signal }: RequestInit): Promise<Response> => {
    if (attempts++ > 0) return new Response('{"rooms":[],"more":false}')
    return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
  }
  const rest = createRest({ url: 'https://example.com/api', key: KEY, fetch, timeoutMs: 20 })
  expect(await rest.listRooms()).toEqual({ rooms: [], more: false })
  expect(attempts).toBe(2)
})

it('a fetch that ignores its signal makes no call hang', async () => {
  vi.useRealTimers()
  const fetch = () => new Promise<never>(() => {})
  const rest = createRest({ url: 'https://example.com/api', key: KEY, fetch, timeoutMs: 0.5, retries: 1 })
  await expect(rest.listRooms()).rejects.toMatchObject({
    code: 'unavailable',
    message: 'GET https://example.com/api/rooms was not answered: no answer within 0.5 ms',
  })
})

describe('an answer that is not the API’s', () => {
  const page = () => new Response('<html>Welcome</html>')
  const json = (body: unknown) => new Response(JSON.stringify(body))
  const entry = { type: 'paid', room_id: 'a', id: 'i', epoch: 'e' }

  it.each<[string, Response, (room: RestRoom<typeof protocol>) => Promise<unknown>, RegExp]>([
    ['a page of HTML to a read', page(), (room) => room.history(), /answered with 200, and not by the API/],
    ['nothing to a read', new Response(null, { status: 204 }), (room) => room.info(), /answered with 204/],
    ['another object to a read', json({ ok: true }), (room) => room.members(), /without a valid 'count'/],
    [
      'a broken entry to a read',
      json({ messages: [entry], more: false, truncated: false }),
      (room) => room.history(),
      /without a valid 'messages\.0\.offset'/,
    ],
    ['a list to a snapshot', json([]), (room) => room.snapshot({ as: 'ana' }), /not by the API/],
    ['an object to a publish', json({ id: 'i' }), (room) => room.publish(paid, { key: 'k' }), /'epoch'/],
    [
      'a redirect to a read',
      new Response('', { status: 302, headers: { location: 'https://example.com/login' } }),
      (room) => room.history(),
      /with a redirect to https:\/\/example\.com\/login/,
    ],
  ])('%s is an error that names the url, and is not asked for again', async (_, answer, act, words) => {
    const { room, sent } = restOver([answer])
    const { error } = await outcome(act(room))
    expect(error).toBeInstanceOf(RoomfulError)
    expect(error).toMatchObject({ code: 'not_found', message: expect.stringMatching(words) })
    expect(error?.message).toContain('https://example.com/api/rooms/a')
    expect(sent).toHaveLength(1)
  })

  it.each<[string, (room: RestRoom<typeof protocol>) => Promise<unknown>]>([
    ['a publish', (room) => room.publish(paid)],
    ['a kick', (room) => room.kick('ana')],
  ])('with a status of 200, %s may have been carried out', async (_, act) => {
    const { error } = await outcome(act(restOver([json({ ok: true })]).room))
    expect(error).toMatchObject({ code: 'outcome_unknown', cause: { code: 'not_found' } })
  })

  it('an answer that is too large is not read to its end', async () => {
    let isCancelled = false
    const endless = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(400)),
      cancel: () => {
        isCancelled = true
      },
    })
    const fetch = async () => new Response(endless)
    const { room } = restOver([], { fetch, answerBytes: 1_000 })
    expect((await outcome(room.history())).error).toMatchObject({
      code: 'too_large',
      message: 'GET https://example.com/api/rooms/a/messages: the answer is larger than 1000 bytes',
    })
    expect(isCancelled).toBe(true)
  })
})

describe('bad input', () => {
  type UntypedRoom = Record<'publish' | 'snapshot', (...args: unknown[]) => Promise<unknown>>
  const untyped = createRest as (options: unknown) => unknown
  const good = { url: 'https://example.com/api', key: KEY }

  it.each([
    [undefined, /pass an object of options/],
    [{}, /url is missing/],
    [{ url: good.url }, /key is missing/],
    [{ ...good, key: undefined }, /key is undefined; is its environment variable set\?/],
    [{ key: KEY, url: undefined }, /url is undefined; is its environment variable set\?/],
    [{ ...good, key: '' }, /key must be the key of the HTTP API/],
    [{ ...good, key: 'two\nlines' }, /without spaces/],
    [{ ...good, url: '/api' }, /url must be the URL of the HTTP API/],
    [{ ...good, url: 'wss://example.com' }, /url must be/],
    [{ ...good, url: 'https://user@example.com/api' }, /url must be/],
    [{ ...good, url: 'https://example.com/api?room=a' }, /url must be/],
    [{ ...good, url: ' https://example.com/api' }, /url must be/],
    [{ ...good, url: 'https://example.com/a\npi' }, /url must be/],
    [{ ...good, protocol: {} }, /protocol must be the result of defineProtocol/],
    [{ ...good, retries: -1 }, /retries must be a whole number/],
    [{ ...good, timeoutMs: 0 }, /timeoutMs must be a number of ms above 0/],
    [{ ...good, timeoutMs: 2 ** 31 }, /timeoutMs must be .* up to 2147483647/],
    [{ ...good, answerBytes: 0 }, /answerBytes must be a number above 0/],
    [{ ...good, fetch: 'fetch' }, /fetch must be a function/],
    [{ ...good, retires: 1 }, /no option 'retires'; did you mean 'retries'/],
  ])('createRest refuses %j with a TypeError', (options, says) => {
    expect(() => untyped(options)).toThrow(TypeError)
    expect(() => untyped(options)).toThrow(says)
  })

  it.each(['.', '..', '@me', 'a b', '', 7])('a room named %j is refused before anything is sent', (id) => {
    const { rest, sent } = restOver([])
    expect(() => rest.room(id as string)).toThrow(
      expect.objectContaining({ code: 'invalid_room', status: 400 }),
    )
    expect(sent).toEqual([])
  })

  it.each(['.', '..', '', '@ana', '\ud800', 7])(
    'a user named %j is refused before anything is sent',
    async (id) => {
      const { rest, room, sent } = restOver([])
      expect(() => rest.user(id as string)).toThrow(TypeError)
      await expect(room.kick(id as string)).rejects.toThrow(TypeError)
      expect(sent).toEqual([])
    },
  )

  it.each<[string, (room: UntypedRoom) => Promise<unknown>, object]>([
    ['a key that no header carries', (room) => room.publish(paid, { key: 'é' }), TypeError],
    ['a key with spaces at its ends', (room) => room.publish(paid, { key: ' k' }), TypeError],
    ['a key that is too long', (room) => room.publish(paid, { key: 'k'.repeat(257) }), TypeError],
    ['a misspelt option', (room) => room.publish(paid, { ky: 'k' }), TypeError],
    ['a whole user', (room) => room.snapshot({ as: { id: 'ana', data: {} } }), TypeError],
    ['no user', (room) => room.snapshot({}), TypeError],
    ['a message that JSON cannot hold', (room) => room.publish({ type: 'paid', invoice: 17n }), TypeError],
    ['a message without a type', (room) => room.publish({ message: 'x' }), RoomfulError],
  ])('%s is refused before anything is sent', async (_, call, error) => {
    const { room, sent } = restOver([])
    const refused: unknown = await call(room as never).catch((reason: unknown) => reason)
    expect(refused).toBeInstanceOf(error)
    expect(sent).toEqual([])
  })

  it('a key of 256 characters passes', async () => {
    const { room, keys } = restOver([])
    await outcome(room.publish(paid, { key: 'k'.repeat(256) }))
    expect(keys()).toEqual(['k'.repeat(256)])
  })
})

// Checked by the compiler alone: nothing here runs.
async function uses() {
  const rest = createRest({ url: 'https://example.com/api', key: process.env.API_KEY, protocol })
  const room = rest.room('a')
  await room.publish({ type: 'paid', invoice: 17 })
  // @ts-expect-error: a field of another type
  await room.publish({ type: 'paid', invoice: '17' })
  // @ts-expect-error: no such message
  await rest.user('ana').publish({ type: 'piad', invoice: 17 })
  await room.chat.send('Hello', { data: { mood: 'good' } })
  // @ts-expect-error: data of another type
  await room.chat.send('Hello', { data: { mood: 5 } })
  // @ts-expect-error: as is required
  await room.snapshot({})
  const { messages } = await room.snapshot({ as: 'ana' })
  for (const message of messages)
    if (message.type === 'paid') expectTypeOf(message.invoice).toEqualTypeOf<number>()
  const builtIn = createRest({ url: 'https://example.com/api', key: 'k' })
  // @ts-expect-error: without a protocol, nothing is declared
  await builtIn.room('a').publish({ type: 'paid' })
}

it('types are inferred from the protocol', () => {
  expect(uses).toBeTypeOf('function')
})
