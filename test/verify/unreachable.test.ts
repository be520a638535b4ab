import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocketServer } from 'ws'
import { selfSigned, signedFor } from '../support/certificate.js'
import { Cli } from '../support/cli.js'
import { freePort } from '../support/free-port.js'
import { passTo } from '../support/nginx.js'
import { answering, http, listening, nginx, roomful, tcp, wrongWith } from './targets.js'

const url = (port: number, path = '/') => `ws://127.0.0.1:${port}${path}`

describe('verify names what keeps a client from connecting', () => {
  it('verify names a host without an address', async () => {
    const found = await wrongWith('wss://nowhere.invalid/ws')
    expect(found).toMatchObject({ code: 'dns', says: expect.stringContaining('nowhere.invalid') })
  })

  it('verify names a port at which nothing listens', async () => {
    expect(await wrongWith(url(await freePort()))).toMatchObject({
      code: 'refused',
      mend: expect.stringContaining('HOST=0.0.0.0'),
    })
  })

  it('verify names a server that cuts the connection instead of answering', async () => {
    const port = await tcp((socket) => socket.once('data', () => socket.destroy()))
    expect(await wrongWith(url(port))).toMatchObject({ code: 'cut' })
  })

  it('verify names a path at which there is nothing, and the right one, which Roomful says', async () => {
    expect(await wrongWith(url(await roomful(), '/chat'))).toMatchObject({
      code: 'path',
      says: expect.stringContaining('it is at /.'),
    })
  })

  it('verify names a path of nginx that leads nowhere, with the location that is missing', async () => {
    const { url } = await nginx(`location /rooms { proxy_pass http://127.0.0.1:${await roomful()}; }`)
    expect(await wrongWith(`${url}/ws`)).toMatchObject({
      code: 'path',
      says: expect.stringContaining('nginx itself has nothing at /ws'),
      mend: expect.stringContaining('location /ws { proxy_pass'),
    })
  })

  it('verify finds the WebSocket at the usual path when there is something else at the one given', async () => {
    const server = createHttpServer()
    const sockets = new WebSocketServer({ server, path: '/ws' })
    onTestFinished(() => sockets.close())
    expect(await wrongWith(url(await listening(server)))).toMatchObject({
      code: 'path',
      says: expect.stringContaining('no WebSocket at / (400), but one at /ws'),
    })
  })

  it('verify names an origin that the server does not let in', async () => {
    const found = await wrongWith(url(await roomful()), { origin: 'https://app.example.com' })
    expect(found).toMatchObject({
      code: 'origin',
      mend: expect.stringContaining("origins: ['https://app.example.com']"),
    })
  })

  it('verify names a proxy that does not pass the Host on, with its line', async () => {
    const pass = passTo(await roomful(), 'proxy_set_header Host backend;').replace(
      'proxy_set_header Host $http_host;',
      '',
    )
    const { url } = await nginx(pass)
    expect(await wrongWith(url)).toMatchObject({
      code: 'origin',
      mend: expect.stringContaining('proxy_set_header Host $http_host;'),
    })
  })

  it('verify names a proxy that does not pass the upgrade on, with its lines', async () => {
    const { url } = await nginx(`location / { proxy_pass http://127.0.0.1:${await roomful()}; }`)
    expect(await wrongWith(url)).toMatchObject({
      code: 'no_upgrade',
      says: expect.stringContaining('without its header Upgrade (426, nginx'),
      mend: expect.stringContaining('proxy_set_header Upgrade $http_upgrade;'),
    })
  })

  it('verify names a proxy that does not pass the upgrade on to the command', async () => {
    const cli = new Cli(['--memory'], { PORT: '0' })
    onTestFinished(() => cli.kill('SIGKILL'))
    const { port } = new URL(await cli.url())
    const proxy = await nginx(`location / { proxy_pass http://127.0.0.1:${port}; }`)
    expect(await wrongWith(`${proxy.url}/ws`)).toMatchObject({
      code: 'path',
      says: expect.stringContaining('the upgrade is not passed on'),
      mend: expect.stringContaining('proxy_set_header Upgrade $http_upgrade;'),
    })
  })

  it('verify names a page in the place of a WebSocket', async () => {
    const port = await answering(200, { 'content-type': 'text/html' }, '<!doctype html><title>Shop</title>')
    expect(await wrongWith(url(port))).toMatchObject({
      code: 'page',
      says: expect.stringContaining('there is a page (200)'),
    })
  })

  it('verify names a redirect, and where it leads', async () => {
    const { url } = await nginx('return 301 https://$host$request_uri;')
    expect(await wrongWith(`${url}/ws`)).toMatchObject({ code: 'redirect', mend: 'Use wss://127.0.0.1/ws' })
  })

  it('verify names nginx before a server that does not run, and one that does not answer', async () => {
    const gone = await nginx(passTo(await freePort()))
    expect(await wrongWith(gone.url)).toMatchObject({
      code: 'bad_gateway',
      says: expect.stringContaining('nginx'),
    })
    const hangs = await nginx(passTo(await tcp(() => {}), 'proxy_read_timeout 1s;'))
    expect(await wrongWith(hangs.url)).toMatchObject({ code: 'gateway_timeout' })
  })

  it.each([
    [401, { 'www-authenticate': 'Basic realm="staging"' }, 'credentials', 'Basic realm="staging"'],
    [403, { server: 'firewall' }, 'forbidden', 'firewall'],
    [403, { 'cf-mitigated': 'challenge' }, 'challenge', 'Cloudflare'],
    [429, { 'retry-after': '9' }, 'too_many_requests', '429'],
    [500, {}, 'status', '500'],
    [503, {}, 'unavailable', '503'],
    [503, { 'retry-after': '1' }, 'busy', '503'],
  ])('verify names an answer of %s with %j: %s', async (status, headers, code, words) => {
    const port = await answering(status, headers as Record<string, string>, 'what it says')
    expect(await wrongWith(url(port))).toMatchObject({ code, says: expect.stringContaining(words) })
  })

  it('[C17] verify names the limit that a node without space has, as a limit and no fault', async () => {
    const port = await roomful({ limits: { connections: 1 } })
    const holder = await holdOne(port)
    expect(await wrongWith(url(port))).toMatchObject({ weight: 'limit', code: 'busy' })
    holder()
  })
})

describe('verify names what is wrong with TLS', () => {
  /** The command in a process of its own, which alone trusts the authority of the test. */
  async function tlsFault(
    port: number,
    authority = '',
  ): Promise<{ readonly code: string; readonly says: string }> {
    const cli = new Cli(['verify', `wss://127.0.0.1:${port}`, '--json'], { NODE_EXTRA_CA_CERTS: authority })
    const { code, stdout } = await cli.exit()
    expect(code).toBe(1)
    return JSON.parse(stdout).findings[0]
  }

  it.each([
    ['IP:127.0.0.1', -1, 'certificate_expired', /has expired on \d{4}-/],
    ['DNS:other.example', 1, 'certificate_name', /is for other.example, and not for 127.0.0.1/],
  ])('verify names a certificate for %s of %s days: %s', async (name, days, code, words) => {
    const certificate = await signedFor(name, days)
    onTestFinished(() => certificate.remove())
    const found = await tlsFault(
      await http((_, response) => response.end(), certificate),
      certificate.authority,
    )
    expect(found).toMatchObject({ code, says: expect.stringMatching(words) })
  })

  it('verify names a certificate of an unknown authority, and one that is signed by itself', async () => {
    const certificate = await signedFor('IP:127.0.0.1', 1)
    onTestFinished(() => certificate.remove())
    expect(await tlsFault(await http((_, response) => response.end(), certificate))).toMatchObject({
      code: 'certificate_chain',
    })
    expect(await tlsFault(await http((_, response) => response.end(), await selfSigned()))).toMatchObject({
      code: 'certificate_self_signed',
    })
  })

  it('verify names a server without TLS, and one that has it where ws:// was given', async () => {
    expect(await wrongWith(`wss://127.0.0.1:${await answering(200)}`)).toMatchObject({ code: 'no_tls' })
    const port = await http((_, response) => response.end(), await selfSigned())
    expect(await wrongWith(url(port))).toMatchObject({ code: 'cut', mend: expect.stringContaining('wss://') })
  })
})

async function holdOne(port: number): Promise<() => void> {
  const { WebSocket } = await import('ws')
  const socket = new WebSocket(url(port))
  await once(socket, 'message')
  return () => socket.terminate()
}
