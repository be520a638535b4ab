import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { RoomfulError as AnyRoomfulError, defineProtocol } from '@roomful/protocol'
import { bearer, createServer, refuse } from '@roomful/server'
import express from 'express'
import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { connectExtended } from '../support/connect.js'
import { apiOf, call, KEY, listen, serveApi } from '../support/http-api.js'
import { logText, serve } from '../support/wire-server.js'

const protocol = defineProtocol({
  chat: z.object({ mood: z.string() }),
  server: { paid: z.object({ invoice: z.number() }) },
})

/** Users are who they say they are. */
const byName = {
  authenticate: ({ token = 'nobody' }) => ({ userId: token, profile: { name: token.toUpperCase() } }),
  authorize: () => true,
}

const everybody = () => true

describe('publishing', () => {
  it('a chat message that comes by HTTP reaches the members, in the name that it gives', async () => {
    const { url, call } = await serveApi({ protocol })
    const member = await connectExtended(url)
    await member.join('general')
    const sent = await call('POST', '/rooms/general/messages', {
      message: 'Hello',
      as: 'ana',
      data: { mood: 'good' },
    })
    const { id, epoch, offset } = await member.next('chat_message')
    expect(sent).toMatchObject({ status: 200, body: { id, epoch, offset, duplicate: false } })
    expect(member.frames.at(-1)).toMatchObject({ message: 'Hello', user_id: 'ana', data: { mood: 'good' } })
    await call('POST', '/rooms/general/messages', { message: 'Hello again' })
    expect(await member.next('chat_message')).toMatchObject({ user_id: '@server' })
  })

  it('a message of the protocol that comes by HTTP reaches the members of a room, or the devices of a user', async () => {
    const { url, call } = await serveApi({ protocol, ...byName })
    const ana = await connectExtended(url, { token: 'ana' })
    await ana.join('general')
    await ana.join('@me')
    expect(await call('POST', '/rooms/general/messages', { type: 'paid', invoice: 17 })).toMatchObject({
      status: 200,
      body: { offset: 1 },
    })
    expect(await ana.next('paid')).toMatchObject({ room_id: 'general', invoice: 17 })
    expect((await call('POST', '/users/ana/messages', { type: 'paid', invoice: 18 })).status).toBe(200)
    expect(await ana.next('paid')).toMatchObject({ room_id: '@me', invoice: 18 })
  })

  it('answers with 400 to mentions and answered messages that no client could send', async () => {
    const { call } = await serveApi()
    const wrong = [
      { mentions: Array.from({ length: 51 }, () => 'ana') },
      { mentions: [''] },
      { mentions: ['x'.repeat(257)] },
      { reply_to: { offset: 1, id: 'x'.repeat(65) } },
    ]
    for (const fields of wrong) {
      const { status, body } = await call('POST', '/rooms/r/messages', { message: 'hi', ...fields })
      expect([status, (body as { code: string }).code]).toEqual([400, 'invalid_message'])
    }
  })

  it('a message is edited and deleted under its id, with its offset, and what cannot be is told', async () => {
    const { call, server } = await serveApi()
    const sent = await call('POST', '/rooms/a/messages', {
      message: 'one',
      as: 'ana',
      reply_to: { offset: 9, id: 'x' },
      mentions: ['bob'],
    })
    const { id, offset } = sent.body as { id: string; offset: number }
    const path = `/rooms/a/messages/${id}`
    const edit = await call('PATCH', path, { offset, message: 'two', as: 'ana' })
    expect([edit.status, edit.body]).toMatchObject([200, { offset: 2, duplicate: false }])
    expect((await server.room('a').history()).messages).toMatchObject([
      { message: 'two', user_id: 'ana', reply_to: { offset: 9, id: 'x' }, mentions: ['bob'], version: 2 },
    ])
    const wrong = await call('PATCH', '/rooms/a/messages/other', { offset, message: 'x' })
    expect([wrong.status, wrong.body]).toMatchObject([404, { code: 'not_found' }])
    const bare = await call('DELETE', path)
    expect([bare.status, bare.body]).toMatchObject([400, { issues: [{ path: 'offset' }] }])
    const key = { 'Idempotency-Key': 'moderation-1' }
    const deletion = await call('DELETE', `${path}?offset=${offset}`, undefined, key)
    expect([deletion.status, deletion.body]).toMatchObject([200, { offset: 3, duplicate: false }])
    const again = await call('DELETE', `${path}?offset=${offset}`, undefined, key)
    expect(again.body).toEqual({ ...Object(deletion.body), duplicate: true })
    const late = await call('PATCH', path, { offset, message: 'x' })
    expect([late.status, late.body]).toMatchObject([410, { code: 'deleted' }])
  })

  it('[D12] a reaction is added to a message and taken back under its id, with its offset, and what cannot be is told', async () => {
    const { call, server } = await serveApi()
    const { id, offset } = await server.room('a').chat.send('one')
    const path = `/rooms/a/messages/${id}/reactions`
    const added = await call('POST', path, { offset, reaction: '👍', as: 'ana' })
    expect([added.status, added.body]).toMatchObject([200, { offset: 2, duplicate: false }])
    const again = await call('POST', path, { offset, reaction: '👍', as: 'ana' })
    expect(again.body).toEqual({ ...Object(added.body), duplicate: true })
    const [message] = (await server.room('a').history()).messages
    expect(message).toMatchObject({ reactions: [{ reaction: '👍', count: 1 }], version: 2 })
    const shown = await call('GET', '/rooms/a/snapshot?as=ana')
    expect(shown.body).toMatchObject({ own_reactions: [{ offset, reactions: ['👍'] }] })
    const query = new URLSearchParams({ offset: String(offset), reaction: '👍', as: 'ana' })
    const removal = await call('DELETE', `${path}?${query}`)
    expect([removal.status, removal.body]).toMatchObject([200, { offset: 3, duplicate: false }])
    const long = await call('POST', path, { offset, reaction: 'x'.repeat(33) })
    expect([long.status, long.body]).toMatchObject([400, { issues: [{ path: 'reaction' }] }])
    const gone = await call('POST', '/rooms/a/messages/other/reactions', { offset, reaction: '👍' })
    expect([gone.status, gone.body]).toMatchObject([404, { code: 'not_found' }])
  })

  it('an Idempotency-Key makes a repeat known, and is refused with 409 for another body', async () => {
    const { call } = await serveApi({ protocol })
    const key = { 'Idempotency-Key': 'invoice-17' }
    const first = await call('POST', '/rooms/a/messages', { type: 'paid', invoice: 17 }, key)
    const again = await call('POST', '/rooms/a/messages', { type: 'paid', invoice: 17 }, key)
    expect(first.body).toMatchObject({ offset: 1, duplicate: false })
    expect(again.body).toEqual({ ...Object(first.body), duplicate: true })
    expect(await call('POST', '/rooms/a/messages', { type: 'paid', invoice: 18 }, key)).toMatchObject({
      status: 409,
      body: { status: 409, code: 'id_conflict', title: 'Conflict' },
    })
    expect((await call('GET', '/rooms/a')).body).toMatchObject({ head: { offset: 1 } })
  })
})

describe('reading', () => {
  it('pages of a log are read from its end, before an offset and after one', async () => {
    const { call } = await serveApi()
    for (let n = 1; n <= 5; n++) await call('POST', '/rooms/r%C3%A4um/messages', { message: `${n}` })
    const page = async (query: string) => {
      const { body } = await call('GET', `/rooms/r%C3%A4um/messages${query}`)
      const { messages, more } = body as { messages: { message: string }[]; more: boolean }
      return [messages.map(({ message }) => message).join(''), more]
    }
    expect(await page('')).toEqual(['12345', false])
    expect(await page('?limit=2')).toEqual(['45', true])
    expect(await page('?limit=2&before=4')).toEqual(['23', true])
    expect(await page('?limit=1&after=2')).toEqual(['3', true])
  })

  it('a room that holds nothing has an empty page', async () => {
    const { call } = await serveApi()
    expect(await call('GET', '/rooms/nowhere/messages')).toMatchObject({
      status: 200,
      body: { messages: [], more: false, truncated: false },
    })
    expect((await call('GET', '/rooms/nowhere/members')).body).toEqual({ count: 0, members: [] })
  })

  it('the members of a room are listed with their profiles and states', async () => {
    const { url, call } = await serveApi(byName)
    const ana = await connectExtended(url, { token: 'ana' })
    await ana.join('general')
    ana.send({ type: 'presence', room_id: 'general', state: { mood: 'good' }, ref: 'p' })
    await ana.next('presence')
    expect((await call('GET', '/rooms/general/members')).body).toEqual({
      count: 1,
      members: [{ user_id: 'ana', profile: { name: 'ANA' }, state: { mood: 'good' } }],
    })
    expect((await call('GET', '/rooms/general')).body).toMatchObject({ room_id: 'general', count: 1 })
  })
})

describe('removing users', () => {
  it('a user is removed from a room, and disconnected with the code and reason that the body gives', async () => {
    const { url, call } = await serveApi(byName)
    const ana = await connectExtended(url, { token: 'ana' })
    await ana.join('general')
    expect((await call('DELETE', '/rooms/general/members/ana')).status).toBe(204)
    expect(await ana.next('left')).toMatchObject({ room_id: 'general', reason: 'kicked' })
    const sent = await call('POST', '/users/ana/disconnect', { code: 4900, reason: 'Paid no rent' })
    expect(sent.status).toBe(204)
    expect(await ana.closed).toEqual({ code: 4900, reason: 'Paid no rent' })
    const bob = await connectExtended(url, { token: 'bob' })
    expect((await call('POST', '/users/bob/disconnect')).status).toBe(204)
    expect((await bob.closed).code).toBe(4501)
  })

  it('a user is muted in a room, banned from it, and allowed again', async () => {
    const { url, call } = await serveApi(byName)
    const ana = await connectExtended(url, { token: 'ana' })
    await ana.join('general')
    const restrict = (what: string, body?: object) => call('POST', `/rooms/general/members/ana/${what}`, body)
    expect((await restrict('mute', { for_ms: 60_000 })).status).toBe(204)
    const message = { type: 'chat_message', room_id: 'general', message: 'hello', client_id: 'c' }
    expect(await ana.ask(message, 'error')).toMatchObject({ code: 'muted' })
    expect((await restrict('unmute')).status).toBe(204)
    await ana.ask(message, 'ack')
    expect((await restrict('ban')).status).toBe(204)
    expect(await ana.next('left')).toEqual({ type: 'left', room_id: 'general', reason: 'banned' })
    expect((await restrict('unban')).status).toBe(204)
    await ana.join('general')
    expect((await call('POST', '/users/ana/ban', { for_ms: 60_000 })).status).toBe(204)
    expect((await ana.closed).code).toBe(4504)
    expect((await call('POST', '/users/ana/unban')).status).toBe(204)
    await connectExtended(url, { token: 'ana' })
  })
})

describe('who is restricted', () => {
  it('is listed, with the time that is left, unless it does not end', async () => {
    const { server, call } = await serveApi(byName)
    await server.room('general').mute('ana', { forMs: 60_000 })
    await server.room('general').ban('ben')
    await server.ban('cyd')
    expect((await call('GET', '/rooms/general/restrictions?limit=1')).body).toEqual({
      restrictions: [{ user_id: 'ana', muted: { for_ms: expect.any(Number) } }],
      more: true,
    })
    expect((await call('GET', '/rooms/general/restrictions?after=ana')).body).toEqual({
      restrictions: [{ user_id: 'ben', banned: {} }],
      more: false,
    })
    expect((await call('GET', '/restrictions')).body).toEqual({
      restrictions: [{ user_id: 'cyd', banned: {} }],
      more: false,
    })
    expect((await call('GET', '/restrictions?limit=1001')).status).toBe(400)
  })
})

describe('who is let in', () => {
  it.each([
    ['no key', {}],
    ['a wrong key', { authorization: `Bearer ${KEY}x` }],
    ['the key under another scheme', { authorization: `Basic ${KEY}` }],
    ['an empty key', { authorization: 'Bearer ' }],
  ])('%s gets 401, and what it asked is not done', async (_, headers) => {
    const { server, base } = await serveApi()
    const body = JSON.stringify({ message: 'Hello' })
    const answer = await fetch(`${base}/rooms/a/messages`, { method: 'POST', headers, body })
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toBe('Bearer')
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(await answer.json()).toMatchObject({ code: 'not_authenticated', status: 401 })
    expect((await server.room('a').info()).head.offset).toBe(0)
  })

  it('a wrong key gets 401 before any of the body has come', async () => {
    const { base } = await serveApi()
    const head = 'POST /api/rooms/a/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n'
    expect(await answerTo(base, head)).toMatch(/^HTTP\/1.1 401 /)
  })

  it('authenticate that throws answers with 503 and is logged', async () => {
    const authenticate = () => Promise.reject(new Error('The table of keys is away'))
    const { call, log } = await serveApi({}, { authenticate })
    expect(await call('GET', '/rooms/a')).toMatchObject({
      status: 503,
      body: { code: 'unavailable', retry_after_ms: 1_000 },
    })
    expect(log).toMatchObject([{ level: 'error', event: 'http: authenticate failed' }])
  })

  it('authenticate that gives no answer is waited for as long as a handler, then answered with 503 and logged', async () => {
    const authenticate = () => new Promise<never>(() => {})
    const { call, log } = await serveApi({ limits: { handlerMs: 50 } }, { authenticate })
    expect(await call('GET', '/rooms/a')).toMatchObject({ status: 503, body: { code: 'unavailable' } })
    expect(log).toMatchObject([{ level: 'error', event: 'http: authenticate failed' }])
    expect(logText(log)).toContain('authenticate took longer than 50 ms')
  })

  it.each([
    [
      'a code of its own',
      refuse('plan_ended', 'Please renew'),
      403,
      { code: 'plan_ended', detail: 'Please renew' },
    ],
    [
      'a code of its own that passes',
      refuse('busy', 'Come back later', { retryAfterMs: 1_500 }),
      503,
      { code: 'busy', retry_after_ms: 1_500 },
    ],
    ['a code of another package', new AnyRoomfulError('rate_limited'), 429, { code: 'rate_limited' }],
  ])('authenticate that throws a RoomfulError with %s refuses with it', async (_, error, status, body) => {
    const authenticate = () => Promise.reject(error)
    const { call, log } = await serveApi({}, { authenticate })
    expect(await call('GET', '/rooms/a')).toMatchObject({ status, body })
    expect(log).toEqual([])
  })

  it('what authenticate returns lets in only if it is true', async () => {
    const { call } = await serveApi({}, { authenticate: () => 'ana' as unknown as boolean })
    expect((await call('GET', '/rooms/a')).status).toBe(401)
  })

  it.each([undefined, '', 'short', 'x'.repeat(31), `${'x'.repeat(40)} y`, 'ä'.repeat(40)])(
    'bearer refuses the key %j with a TypeError that says how to make one',
    (key) => {
      expect(() => bearer(key)).toThrow(TypeError)
      expect(() => bearer(key)).toThrow(/at least 32 characters.*openssl rand/)
    },
  )

  it.each([
    [{}, /authenticate is missing/],
    [{ authenticate: undefined }, /authenticate is undefined/],
    [{ authenticate: KEY }, /authenticate must be a function/],
    [{ authenticate: everybody, basepath: '/' }, /no option 'basepath'; did you mean 'basePath'/],
    [
      { authenticate: everybody, basePath: 'api' },
      /basePath must be a path that starts with '\/', such as '\/api'/,
    ],
    [{ authenticate: everybody, bodyBytes: 0 }, /bodyBytes must be a number above 0/],
    [{ authenticate: everybody, streams: 1.5 }, /streams must be a whole number above 0/],
  ])('server.http refuses %j with a TypeError', async (options, says) => {
    const { server } = await serve()
    expect(() => server.http(options as never)).toThrow(says)
  })
})

describe('bad input', () => {
  it.each([
    ['POST', '/rooms/a/messages', undefined, 'invalid_message', /^The JSON body is missing$/],
    ['POST', '/rooms/a/messages', '{"message":', 'invalid_json', /not JSON/],
    ['POST', '/rooms/a/messages', [], 'invalid_message', /expected object, received array/],
    ['POST', '/rooms/a/messages', {}, 'invalid_message', /message: It is missing/],
    ['POST', '/rooms/a/messages', { mesage: 'x' }, 'invalid_message', /did you mean 'message'\?/],
    ['POST', '/rooms/a/messages', { message: 5 }, 'invalid_message', /expected string, received number/],
    ['POST', '/rooms/a/messages', { message: 'x', as: '@ana' }, 'invalid_message', /does not begin with @/],
    ['POST', '/rooms/a/messages', { message: 'x', data: {} }, 'invalid_message', /mood/],
    ['POST', '/rooms/a/messages', { message: ' ' }, 'message_empty', /./],
    ['POST', '/rooms/a/messages', { message: 'x'.repeat(1_001) }, 'message_too_long', /./],
    ['POST', '/rooms/a/messages', { message: '\ud800' }, 'invalid_text', /./],
    ['POST', '/rooms/a/messages', { type: 'piad' }, 'invalid_message', /'piad' is not a server message/],
    ['POST', '/rooms/a/messages', { type: 5 }, 'invalid_message', /type: .*expected string/],
    ['POST', '/rooms/a/messages', { type: 'paid', invoice: '17' }, 'invalid_message', /invoice/],
    ['POST', '/rooms/a/messages?as=ana', { message: 'x' }, 'invalid_request', /as: There is no such field/],
    ['POST', '/rooms/%40me/messages', { message: 'x' }, 'invalid_room', /@me/],
    ['POST', '/rooms/a%2Fb/messages', { message: 'x' }, 'invalid_room', /a\/b/],
    ['GET', '/rooms/a%zz/messages', undefined, 'invalid_request', /write it as %25/],
    ['GET', '/rooms/a/messages?limit=many', undefined, 'invalid_request', /limit: .*expected number/],
    ['GET', '/rooms/a/messages?limit=0', undefined, 'invalid_request', /limit: .*expected number to be >=1/],
    [
      'GET',
      '/rooms/a/messages?limit=1001',
      undefined,
      'invalid_request',
      /limit: .*expected number to be <=1000/,
    ],
    ['GET', '/rooms/a/messages?limit=-1', undefined, 'invalid_request', /limit: .*expected number to be >=1/],
    ['GET', '/rooms/a/messages?limit=1.5', undefined, 'invalid_request', /limit: .*expected int/],
    ['GET', '/rooms/a/messages?limit=1&limit=2', undefined, 'invalid_request', /given twice/],
    ['GET', '/rooms/a/messages?befor=1', undefined, 'invalid_request', /did you mean 'before'\?/],
    ['GET', '/rooms/a/messages?before=1&after=1', undefined, 'invalid_request', /different pages/],
    ['GET', '/rooms/a/messages?after=99999999999999999999', undefined, 'invalid_request', /after/],
    ['POST', '/users/ana/disconnect', { code: 1006 }, 'invalid_message', /code: A close code is 1000/],
    ['POST', '/users/ana/disconnect', { reason: 'ä'.repeat(62) }, 'invalid_message', /123 bytes/],
    ['POST', '/users/ana/messages', { message: 'x' }, 'invalid_message', /type: It is missing/],
    ['POST', '/users/@ana/messages', { type: 'paid', invoice: 1 }, 'invalid_request', /not begin with @/],
    ['POST', '/users/%40ana/disconnect', undefined, 'invalid_request', /not begin with @/],
    ['POST', '/rooms/a/members/ana/mute', { for_ms: 0 }, 'invalid_message', /for_ms: /],
    ['POST', '/rooms/a/members/ana/ban', { forMs: 9 }, 'invalid_message', /forMs/],
    ['DELETE', '/rooms/a/members/@ana', undefined, 'invalid_request', /not begin with @/],
  ])('%s %s with the body %j gets 400 in words', async (method, path, body, code, words) => {
    const { call, log } = await serveApi({ protocol })
    const answer = await call(method, path, body)
    expect(answer).toMatchObject({ status: 400, body: { code, detail: expect.stringMatching(words) } })
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(log).toEqual([])
  })

  it('a body that is nested too deep gets 400, however deep', async () => {
    const { call } = await serveApi({ protocol })
    for (const levels of [9, 5_000]) {
      const answer = await call('POST', '/rooms/a/messages', deep(levels))
      expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_message' } })
      expect(answer.body).toMatchObject({ detail: 'Invalid body: too deep' })
    }
  })

  it('a body that is not UTF-8 gets 400', async () => {
    const { base } = await serveApi()
    const body = Buffer.concat([Buffer.from('{"message":"'), Buffer.from([0xff]), Buffer.from('"}')])
    const headers = { authorization: `Bearer ${KEY}` }
    const answer = await fetch(`${base}/rooms/a/messages`, { method: 'POST', headers, body })
    expect(await answer.json()).toMatchObject({ status: 400, code: 'invalid_json' })
  })

  it.each(['', 'x'.repeat(257)])('an Idempotency-Key of a wrong length (%j) gets 400', async (key) => {
    const { call } = await serveApi()
    const answer = await call('POST', '/rooms/a/messages', { message: 'x' }, { 'Idempotency-Key': key })
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
  })

  it('a path that is none gets 404', async () => {
    const { call } = await serveApi()
    expect(await call('GET', '/room/a')).toMatchObject({
      status: 404,
      body: { code: 'not_found', detail: 'The API has no such call; /api/openapi.json lists them all' },
    })
    expect(await call('GET', '/rooms//messages')).toMatchObject({ status: 404 })
  })

  it.each([
    ['PUT', '/rooms/a/messages', 'POST, GET, HEAD'],
    ['OPTIONS', '/rooms', 'GET, HEAD'],
    ['GET', '/rooms/a/members/ana', 'DELETE'],
    ['HEAD', '/users/ana/messages', 'POST'],
  ])('%s %s gets 405, and hears in Allow which methods there are: %s', async (method, path, allowed) => {
    const { call } = await serveApi()
    const { status, headers, body } = await call(method, path)
    expect([status, headers.get('allow')]).toEqual([405, allowed])
    if (method !== 'HEAD')
      expect(body).toMatchObject({ code: 'method_not_allowed', detail: `This path allows ${allowed}` })
  })

  it('a body of 10 MB gets 413, and members are not disturbed', async () => {
    const { url, call } = await serveApi()
    const member = await connectExtended(url)
    await member.join('general')
    const large = { message: 'x'.repeat(10_000_000) }
    expect(await call('POST', '/rooms/general/messages', large)).toMatchObject({
      status: 413,
      body: { code: 'too_large', detail: 'The body is larger than 65536 bytes' },
    })
    await call('POST', '/rooms/general/messages', { message: 'Hello' })
    expect(await member.next('chat_message')).toMatchObject({ message: 'Hello', offset: 1 })
  })

  it('a body that does not come in time gets 408', async () => {
    const { base } = await serveApi({}, { bodyMs: 50 })
    const head = [
      'POST /api/rooms/a/messages HTTP/1.1',
      'Host: x',
      `Authorization: Bearer ${KEY}`,
      'Content-Length: 100',
    ]
    expect(await answerTo(base, `${head.join('\r\n')}\r\n\r\n{"mess`)).toMatch(
      /^HTTP\/1.1 408 [\s\S]*"timeout"/,
    )
  })

  it('a call after the server has closed gets 503', async () => {
    const { server, call } = await serveApi()
    await server.close()
    expect(await call('GET', '/rooms/a')).toMatchObject({ status: 503, body: { code: 'closed' } })
    expect(() => apiOf(server)).toThrow(/closed/)
  })
})

describe('mounting', () => {
  it('Express serves the API below a path that it takes off', async () => {
    const { server } = await serve()
    const base = await listen(express().use('/rest/v1', apiOf(server, { basePath: '/rest/v1' }).node))
    expect(await call(`${base}/rest/v1`, 'POST', '/rooms/a/messages', { message: 'Hello' })).toMatchObject({
      status: 200,
    })
  })

  it('a path outside basePath gets 404, and the path that would be right', async () => {
    const { server } = await serve()
    const base = await listen(express().use('/rest', apiOf(server).node))
    expect(await call(`${base}/rest`, 'GET', '/rooms')).toMatchObject({
      status: 404,
      body: {
        detail:
          'The paths of the API begin with /api/; if it is mounted elsewhere, pass that path as basePath',
      },
    })
  })

  it('a body that something before the API turned into text is read all the same', async () => {
    const { server, api } = await serveApi()
    const url = await listen((request, response) => {
      request.setEncoding('utf8')
      api.node(request, response)
    })
    const sent = await call(`${url}/api`, 'POST', '/rooms/r/messages', { message: 'Grüße' })
    expect(sent.status).toBe(200)
    expect((await server.room('r').history()).messages).toMatchObject([{ message: 'Grüße' }])
  })

  it('a body stream of texts is read as one of bytes is', async () => {
    const { api } = await serveApi()
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue('{"message": "Hello"}')
        controller.close()
      },
    })
    const headers = { authorization: `Bearer ${KEY}` }
    const init = { method: 'POST', headers, body, duplex: 'half' } as RequestInit
    const answer = await api.fetch(new Request('http://localhost/api/rooms/r/messages', init))
    expect(answer.status).toBe(200)
  })

  it('a parser that has read the body first is told in the answer and in the log', async () => {
    const { server, log } = await serve()
    const base = await listen(
      express()
        .use(express.json({ type: () => true }))
        .use('/api', apiOf(server).node),
    )
    const answer = await call(`${base}/api`, 'POST', '/rooms/a/messages', { message: 'Hello' })
    expect(answer).toMatchObject({
      status: 500,
      body: { code: 'internal', detail: expect.stringContaining('mount the API before') },
    })
    expect(logText(log)).toContain('mount the API before parsers such as express.json()')
  })

  it('fetch answers a Request with a Response, without a port', async () => {
    const server = createServer()
    const { fetch: handle } = apiOf(server, { basePath: '/', bodyBytes: 100 })
    const ask = (text: string) =>
      handle(
        new Request('https://example.com/rooms/a/messages', {
          method: 'POST',
          headers: { authorization: `Bearer ${KEY}` },
          body: JSON.stringify({ message: text }),
        }),
      )
    expect(await (await ask('Hello')).json()).toMatchObject({ offset: 1 })
    expect((await ask('x'.repeat(100))).status).toBe(413)
    await server.close()
  })

  it('HEAD is answered as GET without its body', async () => {
    const { base } = await serveApi()
    const headers = { authorization: `Bearer ${KEY}` }
    const answer = await fetch(`${base}/rooms/a`, { method: 'HEAD', headers })
    expect(answer.status).toBe(200)
    expect(Number(answer.headers.get('content-length'))).toBeGreaterThan(0)
    expect(await answer.text()).toBe('')
  })
})

function deep(levels: number): string {
  return `{"message":"x","data":${'{"mood":'.repeat(levels)}1${'}'.repeat(levels)}}`
}

/** What a server answers to bytes, after which it ends the connection. */
async function answerTo(base: string, bytes: string): Promise<string> {
  const { port, hostname } = new URL(base)
  const socket = connectTcp(Number(port), hostname)
  let answer = ''
  socket.on('data', (data) => {
    answer += data
  })
  socket.write(bytes)
  await once(socket, 'close')
  return answer
}
