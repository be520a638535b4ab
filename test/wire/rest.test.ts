import { defineProtocol } from '@roomful/protocol'
import { RoomfulError as ServerError, type ServerOptions } from '@roomful/server'
import { createRest, RoomfulError } from '@roomful/server/rest'
import { describe, expect, it, onTestFinished } from 'vitest'
import * as z from 'zod/mini'
import { connectExtended } from '../support/connect.js'
import { KEY, listen, serveApi } from '../support/http-api.js'
import { TcpProxy } from '../support/tcp-proxy.js'

const protocol = defineProtocol({
  chat: z.object({ mood: z.string() }),
  server: { paid: z.object({ invoice: z.number() }) },
})
type Options = ServerOptions<typeof protocol>

/** Users are who they say they are. */
const byName: Options = {
  protocol,
  authenticate: ({ token = 'nobody' }) => ({ userId: token, profile: { name: token.toUpperCase() } }),
  authorize: () => true,
}

/** A server, and its handles over HTTP. */
async function serveRest(options: Options = byName) {
  const served = await serveApi(options)
  return { ...served, rest: createRest({ url: served.base, key: KEY, protocol }) }
}

/** The error of a call. @throws Error if there is none */
async function refusalOf(call: Promise<unknown>): Promise<RoomfulError> {
  const error: unknown = await call.then(
    () => new Error('It was not refused'),
    (reason: unknown) => reason,
  )
  if (!(error instanceof RoomfulError)) throw error
  return error
}

describe('the handles', () => {
  it('what is published and sent reaches the members, and resolves as on the server', async () => {
    const { url, rest } = await serveRest()
    const ana = await connectExtended(url, { token: 'ana' })
    for (const room of ['räume', '@me']) await ana.join(room)
    const paid = await rest.room('räume').publish({ type: 'paid', invoice: 17 }, { key: 'invoice 17' })
    const { duplicate, ...position } = paid
    expect(duplicate).toBe(false)
    expect(await ana.next('paid')).toEqual({ type: 'paid', invoice: 17, room_id: 'räume', ...position })
    expect(await rest.room('räume').publish({ type: 'paid', invoice: 17 }, { key: 'invoice 17' })).toEqual({
      ...position,
      duplicate: true,
    })
    await rest.room('räume').chat.send('Hello', { as: 'bob', data: { mood: 'good' } })
    expect(await ana.next('chat_message')).toMatchObject({
      user_id: 'bob',
      data: { mood: 'good' },
      offset: 2,
    })
    const { chat } = rest.room('räume')
    const replyTo = { offset: 2, id: 'x' }
    const target = await chat.send('Bye', { replyTo, mentions: ['ana'] })
    expect(await ana.next('chat_message')).toMatchObject({ reply_to: replyTo, mentions: ['ana'] })
    await chat.edit(target, 'Good bye', { as: 'carl', data: { mood: 'sad' } })
    expect(await ana.next('message_edited')).toMatchObject({
      message: 'Good bye',
      user_id: 'carl',
      data: { mood: 'sad' },
      target: { offset: target.offset, id: target.id },
    })
    await chat.react(target, '👍 & more', { as: 'carl' })
    expect(await ana.next('reaction_added')).toMatchObject({ reaction: '👍 & more', user_id: 'carl' })
    const snapshot = await rest.room('räume').snapshot({ as: 'carl' })
    expect(snapshot.own_reactions).toEqual([{ offset: target.offset, reactions: ['👍 & more'] }])
    await chat.unreact(target, '👍 & more', { as: 'carl', key: 'k' })
    expect(await ana.next('reaction_removed')).toMatchObject({ user_id: 'carl' })
    await chat.delete(target, { as: 'carl' })
    expect(await ana.next('message_deleted')).toMatchObject({ user_id: 'carl' })
    expect(await refusalOf(chat.edit(target, 'x'))).toMatchObject({ code: 'deleted', status: 410 })
    await rest.user('ana').publish({ type: 'paid', invoice: 18 })
    expect(await ana.next('paid')).toMatchObject({ room_id: '@me', invoice: 18 })
  })

  it('what is read is what the server’s own handles read', async () => {
    const { url, server, rest } = await serveRest()
    const ana = await connectExtended(url, { token: 'ana' })
    await ana.join('general')
    ana.send({ type: 'presence', room_id: 'general', state: { mood: 'good' }, ref: 'p' })
    await ana.next('presence')
    for (const invoice of [1, 2, 3]) await server.room('general').publish({ type: 'paid', invoice })
    const [there, here] = [rest.room('general'), server.room('general')]
    const page = await there.history({ limit: 1, before: 3 })
    expect(page).toEqual(await here.history({ limit: 1, before: 3 }))
    expect(page.messages.map((message) => message.type === 'paid' && message.invoice)).toEqual([2])
    expect(await there.history({ after: 0 })).toEqual(await here.history({ after: 0 }))
    expect(await there.snapshot({ as: 'bob', limit: 2 })).toEqual(
      await here.snapshot({ as: 'bob', limit: 2 }),
    )
    const { roomId, count, members, head } = await here.info()
    expect(await there.info()).toEqual({ roomId, count, head })
    expect(await there.members()).toEqual({ count, members })
    expect(members).toEqual([{ userId: 'ana', profile: { name: 'ANA' }, state: { mood: 'good' } }])
    expect(await rest.listRooms({ limit: 1 })).toEqual(await server.listRooms({ limit: 1 }))
    expect(await rest.listRooms({ after: 'general' })).toEqual({ rooms: [], more: false })
  })

  it('a user is removed from a room, and disconnected', async () => {
    const { url, rest } = await serveRest()
    const ana = await connectExtended(url, { token: 'a/b?c' })
    await ana.join('general')
    await rest.room('general').kick('a/b?c')
    expect(await ana.next('left')).toMatchObject({ reason: 'kicked' })
    await rest.user('a/b?c').disconnect(4900, 'Paid no rent')
    expect(await ana.closed).toEqual({ code: 4900, reason: 'Paid no rent' })
    const bob = await connectExtended(url, { token: 'bob' })
    await rest.user('bob').disconnect()
    expect((await bob.closed).code).toBe(4501)
  })

  it('a call is refused with the server’s error: its code, its text, its issues and its status', async () => {
    const { server, rest } = await serveRest({ ...byName, authorize: () => false })
    const calls = [rest.room('a').snapshot({ as: 'ana' }), server.room('a').snapshot({ as: 'ana' })]
    const [there, here] = await Promise.all(calls.map(refusalOf))
    expect(there).toBeInstanceOf(ServerError)
    expect({ ...there }).toEqual({ ...here, roomId: undefined })
    expect(there).toMatchObject({ code: 'forbidden', status: 403, message: here?.message })
    const wrong = { type: 'paid', invoice: 'seventeen' } as unknown as { type: 'paid'; invoice: number }
    expect(await refusalOf(rest.room('a').publish(wrong))).toMatchObject({
      code: 'invalid_message',
      status: 400,
      issues: [{ path: 'invoice' }],
    })
    await rest.room('a').publish({ type: 'paid', invoice: 1 }, { key: 'k' })
    const other = rest.room('a').publish({ type: 'paid', invoice: 2 }, { key: 'k' })
    expect(await refusalOf(other)).toMatchObject({ code: 'id_conflict', status: 409 })
    expect(await refusalOf(rest.room('a').history({ limit: 0 }))).toMatchObject({ code: 'invalid_request' })
    expect(await refusalOf(rest.room('a').chat.send(' '))).toMatchObject({ code: 'message_empty' })
  })

  it('a wrong key is refused, and appears in no error', async () => {
    const { base } = await serveRest()
    const key = 'another key of 32 or more letters'.replaceAll(' ', '-')
    const error = await refusalOf(createRest({ url: base, key }).room('a').info())
    expect(error).toMatchObject({ code: 'not_authenticated', status: 401 })
    const away = createRest({ url: 'http://127.0.0.1:1/api', key, retries: 0 })
    const unreachable = await refusalOf(away.room('a').info())
    expect(JSON.stringify([error, unreachable, error.message, unreachable.message])).not.toContain(key)
  })
})

describe('answers that are lost', () => {
  it.each([
    ['vanish', () => {}],
    ['are cut off', (proxy: TcpProxy) => proxy.cut()],
  ])('publishes whose answers %s are tried again, and each is logged once', async (_, lose) => {
    const { server, base } = await serveApi({ protocol })
    let losses = 10
    const proxy: TcpProxy = await TcpProxy.to(Number(new URL(base).port), () => (bytes) => {
      if (losses === 0) return [bytes]
      losses--
      lose(proxy)
      return []
    })
    onTestFinished(() => proxy.close())
    const url = `http://127.0.0.1:${proxy.port}/api`
    const rest = createRest({ url, key: KEY, protocol, timeoutMs: 1_000, retries: 10 })
    const invoices = Array.from({ length: 20 }, (_, invoice) => invoice)
    const results = await Promise.all(
      invoices.map((invoice) => rest.room('a').publish({ type: 'paid', invoice })),
    )
    expect(losses).toBe(0)
    expect(results.filter(({ duplicate }) => duplicate).length).toBeGreaterThan(0)
    const { messages } = await server.room('a').history()
    const logged = messages.flatMap((message) => (message.type === 'paid' ? [message.invoice] : []))
    expect(logged.sort((a, b) => a - b)).toEqual(invoices)
    expect(results.map(({ offset }) => offset).sort((a, b) => a - b)).toEqual(invoices.map((n) => n + 1))
  })
})

describe('what answers is not the API', () => {
  const answering = (status: number, headers: Record<string, string>, body: string) =>
    listen((_, response) => response.writeHead(status, headers).end(body))

  it.each([
    [404, {}, '<h1>Not Found</h1>', 'not_found'],
    [401, {}, 'Log in', 'not_authenticated'],
    [301, { location: 'https://example.com/api' }, '', 'not_found'],
    [418, {}, '{"teapot":true}', 'not_found'],
    [413, {}, '', 'too_large'],
    [200, {}, '<h1>Welcome</h1>', 'not_found'],
    [200, {}, '[1]', 'not_found'],
    [500, {}, 'null', 'unavailable'],
  ])(
    'an answer of %i %j %j rejects a read with a code, and says to check the url',
    async (status, headers, body, code) => {
      const url = await answering(status, headers, body)
      const error = await refusalOf(createRest({ url, key: KEY, retries: 0 }).room('a').info())
      expect(error).toMatchObject({
        code,
        message: expect.stringMatching(/^GET http.*\/rooms\/a was answered .*check the url$/),
      })
    },
  )

  it('a redirect is not followed, so that the key reaches nobody else', async () => {
    const seen: unknown[] = []
    const other = await listen(({ headers }, response) => {
      seen.push(headers)
      response.end('{}')
    })
    const url = await answering(307, { location: other }, '')
    await refusalOf(createRest({ url, key: KEY }).room('a').chat.send('Hello'))
    expect(seen).toEqual([])
  })
})
