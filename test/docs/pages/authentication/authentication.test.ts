import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { encode } from '@auth/core/jwt'
import { type ClientOptions, createClient } from '@roomful/client'
import type { Roomful } from '@roomful/server'
import { exportJWK, type GenerateKeyPairResult, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import * as authJs from './auth-js.js'
import * as clerk from './clerk.js'
import * as cookies from './cookies.js'
import * as framework from './framework.js'
import * as jwt from './jwt.js'
import { statusText } from './log-in.js'
import { token } from './token.js'

const PATIENT = { timeout: 10_000 }
const SECRET = 'a secret of at least thirty-two characters'

const silent = { warn: () => {}, error: () => {} }

/** Who a client is, once it is in a room, or the code of what keeps it out. */
async function enter(url: string, options: Partial<ClientOptions> = {}) {
  const client = createClient({ url, WebSocket, session: 'memory', logger: silent, ...options })
  onTestFinished(() => client.close())
  const joined = client.room('general').join()
  const who = await joined.then(
    () => client.user.get(),
    (error) => error.code,
  )
  return { client, who }
}

async function serve(server: Pick<Roomful, 'listen' | 'close'>) {
  const { url } = await server.listen({ port: 0 })
  onTestFinished(() => server.close())
  return url
}

const withCookie = (cookie: string) =>
  class extends WebSocket {
    constructor(url: string) {
      super(url, { headers: { cookie } })
    }
  }

const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1_000)

const tokenFor = (user: string, endsAt: Date, secret = SECRET) =>
  new SignJWT()
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(user)
    .setExpirationTime(endsAt)
    .sign(new TextEncoder().encode(secret))

let cookieUrl: string
let keys: GenerateKeyPairResult
beforeAll(async () => {
  keys = await generateKeyPair('RS256')
  cookieUrl = (await cookies.server.listen({ port: 0 })).url
})
afterAll(() => cookies.server.close())

describe('docs/authentication.md', () => {
  it('a JWT says who its bearer is; a forged one, and none, are refused', async () => {
    const url = await serve(jwt.serverFor(SECRET))
    expect((await enter(url, { token: await tokenFor('ana', inSeconds(60)) })).who).toBe('ana')
    expect((await enter(url, { token: await tokenFor('ana', inSeconds(60), 'x'.repeat(32)) })).who).toBe(
      'invalid_token',
    )
    expect((await enter(url)).who).toBe('invalid_token')
  })

  it('a token that has expired is fetched again, without a word to the page', async () => {
    const url = await serve(jwt.serverFor(SECRET))
    const reasons: string[] = []
    const token: ClientOptions['token'] = ({ reason }) => {
      reasons.push(reason)
      return tokenFor('ana', inSeconds(reasons.length === 1 ? -1 : 60))
    }
    expect((await enter(url, { token })).who).toBe('ana')
    expect(reasons).toEqual(['connect', 'expired'])
  })

  it('whoever is not logged in is asked to, comes in after the log-in, and stays while the route of the tokens is down', async () => {
    const url = await serve(jwt.serverFor(SECRET))
    // A client that is refused asks once more.
    const answers = [401, 401, 502].map((status) => new Response(null, { status }))
    const fetched = vi.spyOn(globalThis, 'fetch')
    onTestFinished(() => void vi.restoreAllMocks())
    fetched.mockImplementation(
      async () => answers.shift() ?? new Response(await tokenFor('ana', inSeconds(60))),
    )
    const { client, who } = await enter(url, { token })
    expect(who).toBe('invalid_token')
    expect(statusText(client.status.get())).toBe('Please log in')
    client.forget()
    await client.room('general').join()
    expect(client.user.get()).toBe('ana')
    expect(answers).toEqual([])
    expect(statusText(client.status.get())).toBe('Connected')
  })

  it('a cookie says who its browser is; after the log-out, it opens nothing and keeps nothing open', async () => {
    cookies.sessions.set('s1', { userId: 'ana', endsAt: inSeconds(60) })
    const WebSocket = withCookie('theme=dark; session=s1')
    const { client, who } = await enter(cookieUrl, { WebSocket })
    expect(who).toBe('ana')
    cookies.endSession('s1')
    await expect.poll(() => client.status.get(), PATIENT).toMatchObject({ state: 'failed', code: 4501 })
    expect((await enter(cookieUrl, { WebSocket })).who).toBe('invalid_token')
    expect((await enter(cookieUrl)).who).toBe('invalid_token')
  })

  it('when the session of a cookie ends, the client connects again with the cookie of that moment', async () => {
    vi.spyOn(cookies.sessions, 'get')
      .mockImplementationOnce(() => ({ userId: 'ana', endsAt: inSeconds(0.5) }))
      .mockImplementation(() => ({ userId: 'ana', endsAt: inSeconds(60) }))
    onTestFinished(() => void vi.restoreAllMocks())
    const { client } = await enter(cookieUrl, { WebSocket: withCookie('session=s2'), token: () => 'cookie' })
    const states: string[] = []
    client.status.subscribe(({ state }) => states.push(state))
    await expect.poll(() => states.length > 1 && states.at(-1), PATIENT).toBe('online')
    expect(states).not.toContain('failed')
    expect(client.user.get()).toBe('ana')
  })

  it('an application says whose session a cookie is; its 401 refuses, and its outage logs nobody out', async () => {
    const app = createHttpServer(({ headers }, response) => {
      if (headers.cookie === 'sid=broken') return void response.writeHead(500).end()
      if (headers.cookie !== 'sid=s%3A1') return void response.writeHead(401).end()
      response.end('{"id": 17}')
    })
    await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void app.close().closeAllConnections())
    const { port } = app.address() as AddressInfo
    const url = await serve(framework.serverFor(`http://127.0.0.1:${port}/me`))
    expect((await enter(url, { WebSocket: withCookie('sid=s%3A1') })).who).toBe('17')
    expect((await enter(url, { WebSocket: withCookie('sid=forged') })).who).toBe('invalid_token')
    expect((await enter(url)).who).toBe('invalid_token')
    const client = createClient({
      url,
      WebSocket: withCookie('sid=broken'),
      session: 'memory',
      logger: silent,
    })
    onTestFinished(() => client.close())
    client.connect()
    await expect.poll(() => client.status.get().state, PATIENT).toBe('backoff')
  })

  it('a session of Clerk is checked by its public keys: the issuer, the page and the signature', async () => {
    const { issuer, sign } = await clerkLike()
    const url = await serve(clerk.serverFor(issuer, ['https://app.example.com']))
    expect((await enter(url, { token: await sign({ azp: 'https://app.example.com' }) })).who).toBe('user_1')
    expect((await enter(url, { token: await sign({ azp: 'https://evil.example' }) })).who).toBe(
      'invalid_token',
    )
    expect((await enter(url, { token: await sign({ iss: 'https://evil.example' }) })).who).toBe(
      'invalid_token',
    )
    const forged = (await sign({})).replace(/\.[^.]*$/, `.${Buffer.alloc(256).toString('base64url')}`)
    expect((await enter(url, { token: forged })).who).toBe('invalid_token')
  })

  it('while the keys of Clerk cannot be fetched, nobody is logged out', async () => {
    const { issuer, sign, http } = await clerkLike()
    http.removeAllListeners('request').on('request', (_, response) => response.writeHead(500).end())
    const url = await serve(clerk.serverFor(issuer, []))
    const client = createClient({ url, WebSocket, session: 'memory', token: await sign({}) })
    onTestFinished(() => client.close())
    client.connect()
    await expect.poll(() => client.status.get().state, PATIENT).toBe('backoff')
  })

  it.each(['authjs.session-token', '__Secure-authjs.session-token'])(
    'the cookie %s of Auth.js says who its browser is',
    async (salt) => {
      const url = await serve(authJs.serverFor(SECRET))
      const cookie = await encode({ salt, secret: SECRET, token: { sub: '17' } })
      expect((await enter(url, { WebSocket: withCookie(`${salt}=${cookie}`) })).who).toBe('17')
      const other = await encode({ salt, secret: 'another secret', token: { sub: '17' } })
      expect((await enter(url, { WebSocket: withCookie(`${salt}=${other}`) })).who).toBe('invalid_token')
      expect((await enter(url)).who).toBe('invalid_token')
    },
  )
})

/** What Clerk's Frontend API does for this page: it publishes keys, and signs sessions with them. */
async function clerkLike() {
  const { publicKey, privateKey } = keys
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'RS256' }
  const http = createHttpServer((request, response) => {
    const found = request.url === '/.well-known/jwks.json'
    response.writeHead(found ? 200 : 404).end(found ? JSON.stringify({ keys: [jwk] }) : '')
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void http.close().closeAllConnections())
  const issuer = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  const sign = (claims: Record<string, unknown>) =>
    new SignJWT({ iss: issuer, sub: 'user_1', ...claims })
      .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
      .setExpirationTime(inSeconds(60))
      .sign(privateKey)
  return { http, issuer, sign }
}
