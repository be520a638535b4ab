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

  it('a read is tried again, and is unavailable in the end', async () => {
    const { room, sent } = restOver(['lost', busy()])
    expect((await outcome(room.history())).value).toMatchObject({ messages: [] })
    expect(sent).toHaveLength(3)
    const away = restOver(['lost'], { retries: 0 })
    expect((await outcome(away.room.members())).error).toMatchObject({ code: 'unavailable', temporary: true })
    expect(away.sent).toHaveLength(1)
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
    [{ ...good, protocol: {} }, /protocol must be the result of defineProtocol/],
    [{ ...good, retries: -1 }, /retries must be a whole number/],
    [{ ...good, timeoutMs: 0 }, /timeoutMs must be a number above 0/],
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

  it.each(['.', '..', '', '\ud800', 7])('a user named %j is refused before anything is sent', async (id) => {
    const { rest, room, sent } = restOver([])
    expect(() => rest.user(id as string)).toThrow(TypeError)
    await expect(room.kick(id as string)).rejects.toThrow(TypeError)
    expect(sent).toEqual([])
  })

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
