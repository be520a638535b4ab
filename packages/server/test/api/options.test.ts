import { createServer as createHttpServer } from 'node:http'
import { defineProtocol, request, volatile } from '@roomful/protocol'
import { batch, createServer, defineHooks, memory, silentLogger } from '@roomful/server'
import { redis } from '@roomful/server/redis'
import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'

const protocol = defineProtocol({
  client: { note: z.object({}), move: request(z.object({}), z.object({})) },
})
const move = () => ({})

/** Calls as from JavaScript, where nothing is checked beforehand. */
const untyped = <A>(call: (argument: A) => unknown) => call as (argument: unknown) => unknown
const server = untyped(createServer)

type Case = readonly [what: string, start: () => unknown, says: RegExp]

const cases: Record<string, readonly Case[]> = {
  'createServer refuses': [
    ['options that are no object', () => server(null), /createServer: pass an object of options/],
    [
      'a misspelt authenticate, which would let everybody in',
      () => server({ autenticate: () => null }),
      /there is no option 'autenticate'; did you mean 'authenticate'\?/,
    ],
    ['a name in other letters', () => server({ Authorize: () => true }), /did you mean 'authorize'\?/],
    [
      'a name that is like none',
      () => server({ cors: true }),
      /there is no option 'cors'; there are protocol, authenticate, .*clock/,
    ],
    [
      'authenticate: undefined, which would let everybody in',
      () => server({ authenticate: undefined }),
      /authenticate is undefined; leave it out, or make it a function/,
    ],
    ['authenticate: true', () => server({ authenticate: true }), /authenticate must be a function/],
    [
      'an empty secret',
      () => server({ sessionSecret: '' }),
      /sessionSecret must be a string of 16 characters/,
    ],
    ['a short secret', () => server({ sessionSecret: 'fifteen letters' }), /make one with: openssl rand/],
    ['a misspelt hook', () => server({ on: { joinn() {} } }), /no option 'on.joinn'; did you mean 'join'\?/],
    ['an undefined hook', () => server({ on: { join: undefined } }), /on.join is undefined; leave it out/],
    [
      'a misspelt hook in a list of sets',
      () => server({ on: [{ join() {} }, { joinn() {} }] }),
      /no option 'on\[1\].joinn'; did you mean 'join'\?/,
    ],
    ['a list of sets with a hole', () => server({ on: [undefined] }), /on\[0\] must be an object/],
    ['a name for hooks', () => server({ on: 'join' }), /on must be an object of hooks, or a list of them/],
    ['a hook that is no function', () => server({ on: { join: [] } }), /on.join must be a function/],
    [
      'a misspelt handler',
      () => server({ protocol, handle: { move, nota() {} } }),
      /handle.nota .*did you mean 'note'\?/,
    ],
    [
      'an undefined handler',
      () => server({ protocol, handle: { move, note: undefined } }),
      /handle.note must be a function/,
    ],
    [
      'a misspelt handler batch',
      () => server({ protocol, handle: { move, note: { sise: 5, handle() {} } } }),
      /there is no option 'sise'; did you mean 'size'\?/,
    ],
    [
      'a misspelt limit',
      () => server({ limits: { room: 5 } }),
      /no option 'limits.room'; did you mean 'rooms'\?/,
    ],
    ['an undefined limit', () => server({ limits: { rooms: undefined } }), /limits.rooms must be a number/],
    [
      'a definition for a protocol',
      () => server({ protocol: {} }),
      /protocol must be the result of defineProtocol/,
    ],
    [
      'a function for a backplane',
      () => server({ backplane: redis }),
      /backplane must be the result of memory\(\), redis\(\) or sqlite\(\)/,
    ],
    ['a logger without warn', () => server({ logger: { error() {} } }), /logger must be .*such as pino/],
    [
      'half a proxy',
      () => server({ trustedProxies: 0.5 }),
      /trustedProxies must be a whole number, 0 or more/,
    ],
    [
      'an origin with a path',
      () => server({ origins: ['https://example.com/'] }),
      /"https:\/\/example.com\/", which no browser sends; browsers send https:\/\/example.com$/,
    ],
    ['origins that are no list', () => server({ origins: '*' }), /origins must be 'same-host' or a list/],
  ],
  'memory and redis refuse': [
    ['a misspelt option', () => untyped(memory)({ historycount: 1 }), /did you mean 'historyCount'\?/],
    ['an undefined option', () => untyped(memory)({ idleMs: undefined }), /memory: idleMs is undefined/],
    ['a misspelt url, which would be localhost', () => untyped(redis)({ urll: 'redis://a' }), /mean 'url'\?/],
    [
      'an undefined url',
      () => untyped(redis)({ url: undefined }),
      /redis: url is undefined; leave it out, or/,
    ],
    ['an empty url', () => untyped(redis)({ url: '' }), /redis: url must be a URL such as redis:/],
    [
      'a client that is none',
      () => untyped(redis)({ client: {} }),
      /client must be a client that createClient/,
    ],
    ['another durability', () => untyped(redis)({ durability: 'all' }), /must be 'primary' or 'replicated'/],
  ],
  'defineHooks, batch and defineProtocol refuse': [
    ['a misspelt hook', () => untyped(defineHooks)({ leav() {} }), /'leav'; did you mean 'leave'\?/],
    ['an undefined hook', () => untyped(defineHooks)({ join: undefined }), /defineHooks: join is undefined/],
    [
      'a misspelt size',
      () => untyped((o: object) => batch(o, () => {}))({ sise: 5 }),
      /did you mean 'size'\?/,
    ],
    ['half a message', () => batch({ size: 1.5 }, () => {}), /size must be a whole number above 0/],
    [
      'a misspelt part',
      () => untyped(defineProtocol)({ clients: {} }),
      /there is no 'clients'; there are client/,
    ],
  ],
}

describe.each(Object.entries(cases))('%s', (_, list) => {
  it.each(list)('%s', (_what, start, says) => {
    expect(start).toThrow(TypeError)
    expect(start).toThrow(says)
  })
})

it('no value is repeated in an error: it may be a secret', () => {
  expect(() => untyped(redis)({ url: 'http://user:hunter2@host' })).toThrow(/^(?!.*hunter2)/s)
  expect(() => server({ sessionSecret: 123_456 })).toThrow(/^(?!.*123456)/s)
})

describe('a server refuses', () => {
  it.each([
    ['a port that is no number', { port: Number.NaN }, /listen: port must be a whole number from 0 to 65535/],
    ['a port of the environment as it is', { port: '3000' }, /listen: port must be/],
    ['a misspelt host', { hots: '0.0.0.0' }, /did you mean 'host'\?/],
    ['a path without a slash', { path: 'ws' }, /path must be a path that starts with/],
    ['a path in a list', { path: ['/ws'] }, /path must be a path/],
    ['a path in other letters than a URL', { path: '/räume' }, /write it in its URL form: '\/r%C3%A4ume'/],
    ['a path with a space', { path: '/a b' }, /write it in its URL form: '\/a%20b'/],
    ['a path with a quote', { path: '/a"b' }, /write it in its URL form: '\/a%22b'/],
    ['a path with dots', { path: '/a/../b' }, /write it in its URL form: '\/b'/],
    ['a path with a backslash', { path: '/\\x' }, /write it in its URL form: '\/\/x'/],
    ['no certificate', { tls: {} }, /tls must be an object with a certificate and its key/],
    ['a certificate without a key', { tls: { cert: 'a' } }, /tls must be/],
    ['a certificate that was not found', { tls: { cert: undefined, key: undefined } }, /tls must be/],
  ])('a server refuses to listen on %s', async (_, options, says) => {
    const roomful = createServer({ logger: silentLogger })
    await expect(untyped(roomful.listen.bind(roomful))(options)).rejects.toThrow(says)
    await roomful.close()
  })

  it('a server refuses to attach to what never gets an upgrade, or to a misspelt path', async () => {
    const roomful = createServer({ logger: silentLogger })
    const attach = roomful.attach.bind(roomful) as (...given: unknown[]) => void
    const application = Object.assign(() => {}, { on() {}, listen() {} })
    expect(() => attach(application)).toThrow(/attach: pass an HTTP server: the result of app.listen\(\)/)
    expect(() => attach(createHttpServer(), { paht: '/ws' })).toThrow(/did you mean 'path'\?/)
    expect(() => attach(createHttpServer(), { path: '/räume' })).toThrow(/attach: no client can ask for/)
    for (const path of ['//', '/r%C3%A4ume', '/%', "/a'b"]) attach(createHttpServer(), { path })
    await roomful.close()
  })

  it('a server refuses to close within a time that is none', async () => {
    const roomful = createServer({ logger: silentLogger })
    const close = untyped(roomful.close.bind(roomful))
    await expect(close({ drain: 5 })).rejects.toThrow(/there is no option 'drain'; did you mean 'drainMs'\?/)
    await expect(close({ drainMs: Number.NaN })).rejects.toThrow(/drainMs must be a number of ms/)
    await roomful.close()
  })
})

it('a misspelt except is refused: the message would reach whom it is kept from', async () => {
  const note = volatile(z.object({}))
  const roomful = createServer({ logger: silentLogger, protocol: defineProtocol({ server: { note } }) })
  const message = { type: 'note' }
  const [all, room] = [roomful.broadcast.bind(roomful), roomful.room('r').broadcast] as never as ((
    message: object,
    options: object,
  ) => void)[]
  expect(() => all?.(message, { exeptUser: 'ana' })).toThrow(
    /there is no option 'exeptUser'; did you mean 'exceptUser'/,
  )
  expect(() => room?.(message, { expect: 'c1' })).toThrow(
    /there is no option 'expect'; did you mean 'except'/,
  )
  await roomful.close()
})
