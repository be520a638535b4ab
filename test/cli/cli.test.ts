import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { connect as connectTcp, createServer } from 'node:net'
import { type JWTPayload, SignJWT } from 'jose'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { Cli } from '../support/cli.js'
import { RedisServer } from '../support/redis.js'

const started: Cli[] = []

function roomful(args: readonly string[] = [], env: Record<string, string> = {}): Cli {
  const cli = new Cli(args, { PORT: '0', ...env })
  started.push(cli)
  return cli
}

afterEach(() => {
  for (const cli of started.splice(0)) cli.kill('SIGKILL')
})

describe('what roomful serves', () => {
  it('the command serves the page with a policy that allows its own script alone', async () => {
    const page = await fetch(await roomful().url())
    expect(page.status).toBe(200)
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self'; style-src 'self';")
    expect(page.headers.get('content-security-policy')).not.toContain('unsafe')
    expect(await page.text()).toMatch(/src="[./]*roomful.global.js"/)
  })

  it('the command serves the client for a script tag, and nothing else of the disk', async () => {
    const url = await roomful().url()
    expect(await (await fetch(`${url}/roomful.global.js`)).text()).toContain('Roomful')
    const script = await fetch(`${url}/app/main.js`)
    expect(script.headers.get('content-type')).toBe('text/javascript; charset=utf-8')
    expect(script.headers.get('x-content-type-options')).toBe('nosniff')
    expect((await fetch(`${url}/../cli.js`)).status).toBe(404)
    expect((await fetch(`${url}/package.json`)).status).toBe(404)
    expect((await fetch(url, { method: 'POST' })).status).toBe(405)
  })

  it('the command tells health, readiness and metrics', async () => {
    const url = await roomful().url()
    expect(await (await fetch(`${url}/healthz`)).text()).toBe('ok\n')
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    const metrics = await (await fetch(`${url}/metrics`)).text()
    for (const name of [
      'connections',
      'rooms',
      'members',
      'messages_in_total',
      'frames_out_total',
      'errors_total',
      'backlog_bytes',
      'fan_out_duration_seconds',
    ]) {
      expect(metrics).toContain(`# TYPE roomful_${name} `)
    }
  })

  it('the command moves the last three to ADMIN_PORT', async () => {
    const cli = roomful([], { ADMIN_PORT: String(await freePort()) })
    const admin = await cli.printed(/health and metrics at (\S+)/)
    const url = await cli.url()
    expect((await fetch(`${admin}/healthz`)).status).toBe(200)
    expect((await fetch(`${url}/healthz`)).status).toBe(404)
    expect((await fetch(`${admin}/`)).status).toBe(404)
  })

  it('[C5] [C8] the command lets in who brings a JWT of AUTH_SECRET, under its sub, and nobody else', async () => {
    const secret = 'a secret of the test, thirty-two long'
    const url = await roomful([], { AUTH_SECRET: secret }).url()
    const token = await new SignJWT({})
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject('ada')
      .sign(new TextEncoder().encode(secret))
    expect(await authenticate(url, token)).toMatchObject({ type: 'authenticated', user_id: 'ada' })
    expect(await authenticate(url, `${token}x`)).toMatchObject({ type: 'error', code: 'invalid_token' })
    const expired = await new SignJWT({})
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject('ada')
      .setExpirationTime(1)
      .sign(new TextEncoder().encode(secret))
    expect(await authenticate(url, expired)).toMatchObject({ type: 'error', code: 'token_expired' })
  })

  it('[C8] the command refuses a signed token whose sub is no user id, and logs no fault', async () => {
    const secret = 'a secret of the test, thirty-two long'
    const cli = roomful([], { AUTH_SECRET: secret })
    const url = await cli.url()
    for (const sub of [5, '', '@user:ada', 'ada\n', 'ad\u202ea', 'x'.repeat(257), {}]) {
      const token = await new SignJWT({ sub } as JWTPayload)
        .setProtectedHeader({ alg: 'HS256' })
        .sign(new TextEncoder().encode(secret))
      const answer = await authenticate(url, token)
      expect(answer, JSON.stringify(sub)).toMatchObject({ type: 'error', code: 'invalid_token' })
    }
    expect(cli.stderr).toBe('')
  })

  it('[N1] [N2] the command lets anonymous users set their name and avatar', async () => {
    const url = await roomful().url()
    const profile = { name: 'Ada', avatar: 'https://example.com/ada.png' }
    const socket = await connect(url)
    await next(socket)
    expect(await ask(socket, { type: 'auth', protocol: 1 })).toMatchObject({ type: 'authenticated' })
    expect(await ask(socket, { type: 'set_profile', profile, ref: 'p' })).toMatchObject({ data: profile })
    expect(await ask(socket, { type: 'join', room_id: 'lobby' })).toMatchObject({ members: [{ profile }] })
    socket.close()
  })

  it('[N1] [N2] the command takes the profile from name and picture of the JWT, and leaves out what is none', async () => {
    const secret = 'a secret of the test, thirty-two long'
    const url = await roomful([], { AUTH_SECRET: secret }).url()
    const avatar = 'https://example.com/ada.png'
    const claims: readonly [claims: JWTPayload, profile: object | undefined][] = [
      [
        { name: 'Ada', picture: avatar },
        { name: 'Ada', avatar },
      ],
      [{}, undefined],
      [{ name: 'Ada', picture: 'javascript:alert(1)' }, { name: 'Ada' }],
      [{ name: 'Ada', picture: `${avatar}?${'x'.repeat(500)}` }, { name: 'Ada' }],
      [{ name: ' ', picture: avatar }, { avatar }],
      [{ name: 'a\nb', picture: avatar }, { avatar }],
      [{ name: 'x'.repeat(600), picture: avatar }, { avatar }],
      [{ name: 5, picture: {} }, undefined],
      [{ name: 'a\ud800' }, undefined],
    ]
    for (const [index, [payload, profile]] of claims.entries()) {
      const token = await new SignJWT(payload)
        .setProtectedHeader({ alg: 'HS256' })
        .setSubject('ada')
        .sign(new TextEncoder().encode(secret))
      const socket = await connect(url)
      await next(socket)
      expect(await ask(socket, { type: 'auth', protocol: 1, token })).toMatchObject({ user_id: 'ada' })
      const { members } = await ask(socket, { type: 'join', room_id: `room-${index}` })
      expect(members, JSON.stringify(payload)).toEqual([{ user_id: 'ada', ...(profile && { profile }) }])
      const renaming = { type: 'set_profile', profile: { name: 'Eve' } }
      expect(await ask(socket, renaming)).toMatchObject({ code: 'unknown_type' })
      socket.close()
    }
  })

  it('[M10] the command joins a cluster by REDIS_URL, and tells which node serves whom', async () => {
    const redis = await RedisServer.start()
    onTestFinished(() => redis.remove())
    const env = { REDIS_URL: redis.url }
    const nodes = ['north', 'south'].map((name) => roomful([], { ...env, NODE_NAME: name }))
    const sockets = await Promise.all(nodes.map(async (cli) => connect(await cli.url())))
    for (const [index, socket] of sockets.entries()) {
      await next(socket)
      socket.send(JSON.stringify({ type: 'join', room_id: 'lobby' }))
      expect(JSON.parse(await next(socket))).toEqual({
        type: 'served_by',
        node: ['north', 'south'][index],
        killable: false,
      })
      expect(JSON.parse(await next(socket))).toMatchObject({ type: 'joined' })
    }
    const [north, south] = sockets
    if (!north || !south) throw new Error('There are two')
    expect(JSON.parse(await next(north))).toMatchObject({ type: 'user_joined', count: 2 })
    north.send(JSON.stringify({ type: 'chat_message', message: 'hello' }))
    expect(JSON.parse(await next(south))).toMatchObject({ type: 'chat_message', message: 'hello', offset: 1 })
    expect(nodes[0]?.stdout).toContain(`this is node north of those on 127.0.0.1:${redis.port}`)
    for (const { folder } of nodes) expect(await readdir(folder)).toEqual([])
  })

  it('the command serves the HTTP API to who brings API_KEY, and without one serves none', async () => {
    const key = 'k'.repeat(32)
    const cli = roomful([], { API_KEY: key })
    const url = `${await cli.url()}/api/rooms/general/messages`
    const body = JSON.stringify({ message: 'Hello' })
    const sent = await fetch(url, { method: 'POST', body, headers: { authorization: `Bearer ${key}` } })
    expect(await sent.json()).toMatchObject({ offset: 1 })
    expect((await fetch(url)).status).toBe(401)
    expect(cli.stdout).toContain('HTTP API at /api')
    expect((await fetch(`${await roomful().url()}/api/rooms/general/messages`)).status).toBe(404)
  })

  it('the command answers 408 to who sends a body too slowly', { timeout: 30_000 }, async () => {
    const key = 'k'.repeat(32)
    const { port } = new URL(await roomful([], { API_KEY: key }).url())
    const socket = connectTcp(Number(port), '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    const head = ['POST /api/rooms/a/messages HTTP/1.1', 'Host: x', `Authorization: Bearer ${key}`]
    socket.write(`${[...head, 'Content-Length: 100'].join('\r\n')}\r\n\r\n{`)
    const [answer] = await once(socket, 'data')
    expect(String(answer)).toMatch(/^HTTP\/1.1 408 [\s\S]*"timeout"/)
  })

  it('the command counts clients behind as many proxies as TRUSTED_PROXIES says by their own address', async () => {
    const secret = 'a secret of the test, thirty-two long'
    const url = await roomful([], { TRUSTED_PROXIES: '1', AUTH_SECRET: secret }).url()
    const office = () => connect(url, { 'X-Forwarded-For': '203.0.113.9' })
    const sockets = await Promise.all(Array.from({ length: 22 }, office))
    const other = await connect(url, { 'X-Forwarded-For': '198.51.100.7' })
    onTestFinished(() => {
      for (const socket of [...sockets, other]) socket.terminate()
    })
    // An address may have 20 that say nothing for two seconds.
    const closed = sockets.map(async (socket) => (await once(socket, 'close'))[0])
    expect(await Promise.race(closed)).toBe(1013)
    await next(other)
    other.send(JSON.stringify({ type: 'auth', protocol: 1, token: 'x' }))
    expect(JSON.parse(await next(other))).toMatchObject({ type: 'error', code: 'invalid_token' })
  })

  it('the command switches limits off with a warning', async () => {
    const cli = roomful([], { ROOMFUL_LIMITS: 'off' })
    const socket = await connect(await cli.url())
    expect(JSON.parse(await next(socket))).toMatchObject({
      limits: { messages_per_second: null, rooms: null },
    })
    expect(cli.stderr).toContain('ROOMFUL_LIMITS=off')
  })
})

describe('how roomful ends', () => {
  it('[C20] the command drains on SIGTERM: not ready, still serving, then closed with 1012, exit code 0', {
    timeout: 40_000,
  }, async () => {
    const cli = roomful()
    const url = await cli.url()
    const socket = await connect(url)
    const closed = new Promise<number>((resolve) => socket.once('close', resolve))
    await next(socket)
    socket.send(JSON.stringify({ type: 'auth', protocol: 1 }))
    await next(socket)
    cli.kill('SIGTERM')
    await expect.poll(async () => (await fetch(`${url}/readyz`)).status).toBe(503)
    const late = await connect(url)
    late.close()
    expect(JSON.parse(await next(socket))).toMatchObject({ type: 'draining' })
    socket.close(1000)
    await closed
    const { code, stdout } = await cli.exit()
    expect(code).toBe(0)
    expect(stdout).toMatch(/^Draining…$/m)
  })

  it('the command exits at once on Ctrl-C', async () => {
    const cli = roomful()
    const socket = await connect(await cli.url())
    const closed = new Promise<number>((resolve) => socket.once('close', resolve))
    cli.kill('SIGINT')
    expect(await closed).toBe(1012)
    expect((await cli.exit()).code).toBe(0)
  })

  it.each([
    ['--drain 0', ['--drain', '0'], {}],
    ['DRAIN_SECONDS=0', [], { DRAIN_SECONDS: '0' }],
    ['--drain 0, which goes before DRAIN_SECONDS', ['--drain', '0'], { DRAIN_SECONDS: '60' }],
  ])('[C20] the command moves nobody on SIGTERM and exits at once, with %s', async (_, args, env) => {
    const cli = roomful(args, env)
    const socket = await connect(await cli.url())
    const closed = new Promise<number>((resolve) => socket.once('close', resolve))
    const types: string[] = []
    socket.on('message', (data) => types.push(JSON.parse(data.toString()).type))
    await next(socket)
    socket.send(JSON.stringify({ type: 'auth', protocol: 1 }))
    await next(socket)
    cli.kill('SIGTERM')
    expect(await closed).toBe(1012)
    expect(types).not.toContain('draining')
    const { code, stdout } = await cli.exit()
    expect(code).toBe(0)
    expect(stdout).not.toContain('Draining')
  })

  it('[C20] --drain says over how long clients are asked to move', { timeout: 40_000 }, async () => {
    const cli = roomful(['--drain', '1'])
    const socket = await connect(await cli.url())
    const closed = new Promise<number>((resolve) => socket.once('close', resolve))
    await next(socket)
    socket.send(JSON.stringify({ type: 'auth', protocol: 1 }))
    await next(socket)
    cli.kill('SIGTERM')
    expect(JSON.parse(await next(socket))).toMatchObject({ type: 'draining' })
    const askedAt = performance.now()
    // It does not leave by itself.
    expect(await closed).toBe(1012)
    expect(performance.now() - askedAt).toBeGreaterThan(900)
    expect((await cli.exit()).code).toBe(0)
  })
})

describe('mistakes end with one sentence, exit code 1 and no stack', () => {
  it('a port in use', async () => {
    const port = new URL(await roomful().url()).port
    await expectRefusal(roomful([], { PORT: port }), new RegExp(`Port ${port} on 127.0.0.1 is in use`))
  })

  it('a Redis that refuses the password', async () => {
    const redis = await RedisServer.start({ password: 'secret' })
    onTestFinished(() => redis.remove())
    const env = { REDIS_URL: redis.url.replace('://', '://:wrong@') }
    await expectRefusal(
      roomful([], env),
      new RegExp(`the Redis at 127.0.0.1:${redis.port} refuses the user or the password.*WRONGPASS`),
    )
  })

  it.each([
    [[], { PORT: '99999' }, /PORT must be a port from 0 to 65535, not '99999'/],
    [['--port', 'x'], {}, /--port must be a port/],
    [['--prot', '1'], {}, /Unknown option '--prot'.*--help/],
    [[], { HOST: '203.0.113.1' }, /HOST 203\.0\.113\.1 is no address of this machine/],
    [[], { ADMIN_PORT: '-1' }, /ADMIN_PORT must be a port/],
    [[], { ADMIN_PORT: '' }, /ADMIN_PORT must be a port/],
    [[], { AUTH_SECRET: '' }, /AUTH_SECRET must have at least 32 characters, or be unset/],
    [[], { API_KEY: 'short' }, /API_KEY must have at least 32 characters/],
    [[], { API_KEY: '' }, /API_KEY must have at least 32 characters, .* or be unset/],
    [[], { REDIS_URL: '' }, /REDIS_URL must be a URL/],
    [[], { AUTH_SECRET: 'short' }, /AUTH_SECRET must have at least 32 characters/],
    [[], { ROOMFUL_LIMITS: 'none' }, /ROOMFUL_LIMITS must be 'on' or 'off', not 'none'/],
    [['--drain=-1'], {}, /--drain must be a number of seconds from 0 to 3600, not '-1'/],
    [['--drain', '5s'], {}, /--drain must be a number of seconds from 0 to 3600, not '5s'/],
    [[], { DRAIN_SECONDS: '9999' }, /DRAIN_SECONDS must be a number of seconds from 0 to 3600, not '9999'/],
    [
      [],
      { TRUSTED_PROXIES: 'nginx' },
      /TRUSTED_PROXIES must be a number of proxies from 0 to 99, not 'nginx'/,
    ],
    [[], { REDIS_URL: 'localhost:6379' }, /REDIS_URL must be a URL such as redis:\/\/localhost:6379/],
    [[], { REDIS_URL: 'redis://:secret@127.0.0.1:1' }, /no Redis answers at 127\.0\.0\.1:1 \(.*ECONNREFUSED/],
    [['--memory', '--data', 'd'], {}, /--memory and --data contradict each other; choose one/],
    [['--memory'], { REDIS_URL: 'redis://127.0.0.1:1' }, /--memory and REDIS_URL contradict each other/],
    [
      ['--data', 'd'],
      { REDIS_URL: 'redis://127.0.0.1:1' },
      /REDIS_URL keeps everything in Redis, and --data in/,
    ],
    [
      [],
      { ROOMFUL_DATA: 'd', REDIS_URL: 'redis://127.0.0.1:1' },
      /REDIS_URL .* Redis, and ROOMFUL_DATA in a/,
    ],
    [['--data', ''], {}, /--data must be a folder, such as \.\/data/],
    [[], { ROOMFUL_DATA: '' }, /ROOMFUL_DATA must be a folder, such as \.\/data/],
    [['--data', '/dev/null/d'], {}, /\/dev\/null\/d cannot be made \(ENOTDIR.*--data.*--memory/],
  ])('mistakes end with one sentence, exit code 1 and no stack: %j %j', async (args, env, sentence) => {
    await expectRefusal(roomful(args, env as Record<string, string>), sentence)
  })

  it('--help tells all of it', async () => {
    const { code, stdout } = await roomful(['--help']).exit()
    expect(code).toBe(0)
    const words = [
      '--port',
      '--host',
      '--admin-port',
      '--data',
      '--memory',
      '--drain',
      'DRAIN_SECONDS',
      'ROOMFUL_DATA',
      'AUTH_SECRET',
      'API_KEY',
      'REDIS_URL',
      'NODE_NAME',
      'TRUSTED_PROXIES',
      'ROOMFUL_LIMITS',
    ]
    for (const word of [...words, 'SIGTERM']) expect(stdout).toContain(word)
  })
})

async function expectRefusal(cli: Cli, sentence: RegExp): Promise<void> {
  const { code, stderr } = await cli.exit()
  expect(stderr).toMatch(sentence)
  expect(stderr.trim().split('\n')).toHaveLength(1)
  expect(code).toBe(1)
}

async function connect(url: string, headers: Record<string, string> = {}): Promise<WebSocket> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, { headers })
  const frames: string[] = []
  inboxes.set(socket, frames)
  socket.on('message', (data) => {
    frames.push(data.toString())
    socket.emit('frame')
  })
  await new Promise<void>((resolve, reject) => socket.once('open', resolve).once('error', reject))
  return socket
}

const inboxes = new WeakMap<WebSocket, string[]>()

async function next(socket: WebSocket): Promise<string> {
  for (;;) {
    const frame = inboxes.get(socket)?.shift()
    if (frame !== undefined) return frame
    await new Promise((resolve) => socket.once('frame', resolve))
  }
}

async function ask(socket: WebSocket, message: object): Promise<Record<string, unknown>> {
  socket.send(JSON.stringify(message))
  return JSON.parse(await next(socket))
}

async function authenticate(url: string, token: string): Promise<unknown> {
  const socket = await connect(url)
  await next(socket)
  return ask(socket, { type: 'auth', protocol: 1, token })
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}
