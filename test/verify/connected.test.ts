import { createServer as createHttpServer } from 'node:http'
import { type AuthenticationRequest, refuse, systemClock } from '@roomful/server'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocketServer } from 'ws'
import { diagnose } from '../../packages/server/src/verify/diagnosis/diagnose.js'
import { holdIdle, idleWords } from '../../packages/server/src/verify/diagnosis/idle.js'
import { passTo } from '../support/nginx.js'
import { collecting, compressing, inBlocks } from './proxies.js'
import { listening, nginx, roomful, targetOf, wrongWith } from './targets.js'

const url = (port: number) => `ws://127.0.0.1:${port}`

/** A WebSocket server that begins with these texts. */
async function saying(...texts: readonly string[]): Promise<string> {
  const server = createHttpServer()
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket) => {
    for (const text of texts) socket.send(text)
  })
  onTestFinished(() => sockets.close())
  return url(await listening(server))
}

describe('verify names what is not a Roomful server', () => {
  it('[C1] verify names a WebSocket of another kind, with how it begins', async () => {
    expect(await wrongWith(await saying('0{"sid":"x"}'))).toMatchObject({
      code: 'not_roomful',
      says: expect.stringContaining('0{'),
    })
  })

  it('[B5] verify names a base server, and one of another version', async () => {
    expect(await wrongWith(await saying('{"type":"system"}'))).toMatchObject({ code: 'base_server' })
    expect(await wrongWith(await saying('{"type":"system","protocol":2}'))).toMatchObject({ code: 'version' })
  })

  it('verify names a WebSocket that says nothing', { timeout: 30_000 }, async () => {
    expect(await wrongWith(await saying())).toMatchObject({ code: 'silent' })
  })
})

describe('verify names who is not let in', () => {
  const members = {
    authenticate: ({ token }: AuthenticationRequest) => (token === 'ana' ? { userId: 'ana' } : null),
  }
  const allow = () => true

  it('[C7] [C8] verify names a token that is missing, refused or expired', async () => {
    const port = await roomful({ ...members, authorize: allow })
    expect(await wrongWith(url(port))).toMatchObject({
      code: 'token_missing',
      mend: expect.stringContaining('--token'),
    })
    expect(await wrongWith(url(port), { token: 'bob' })).toMatchObject({
      code: 'token_refused',
      mend: expect.stringContaining("--header 'Cookie: NAME=VALUE'"),
    })
    expect(await wrongWith(url(port), { token: 'ana' })).toBeUndefined()
    const expired = await roomful({ authenticate: () => ({ refused: 'expired' }), authorize: allow })
    expect(await wrongWith(url(expired), { token: 'ana' })).toMatchObject({ code: 'token_expired' })
  })

  it('[C8] verify names an authentication that is out of order', async () => {
    const authenticate = () => Promise.reject(new Error('the database is away'))
    expect(
      await wrongWith(url(await roomful({ authenticate, authorize: allow })), { token: 'ana' }),
    ).toMatchObject({
      code: 'unavailable',
    })
  })

  it('[J7] verify names rooms that a client may not join, and may not write in, with its --room', async () => {
    const authorize = ({ action, roomId }: { readonly action: string; readonly roomId: string }) =>
      roomId.startsWith('lobby') || (action === 'join' && roomId.startsWith('read'))
    const port = await roomful({ ...members, authorize })
    const token = 'ana'
    expect(await wrongWith(url(port), { token })).toMatchObject({
      code: 'room_refused',
      says: expect.stringContaining("begins with 'verify-' (forbidden"),
      mend: expect.stringContaining('--room PREFIX'),
    })
    expect(await wrongWith(url(port), { token, room: 'read-' })).toMatchObject({ code: 'message_refused' })
    expect(await wrongWith(url(port), { token, room: 'lobby-' })).toBeUndefined()
  })

  it('[J7] [C19] verify gives the code of the application where a hook refuses', async () => {
    const full = await roomful({ on: { join: () => Promise.reject(refuse('room_full', 'Ten are here')) } })
    expect(await wrongWith(url(full))).toMatchObject({
      says: expect.stringContaining('room_full: Ten are here'),
    })
    const closed = await roomful({
      on: { connect: () => Promise.reject(refuse('closed_today', 'Come back tomorrow')) },
    })
    expect(await wrongWith(url(closed))).toMatchObject({
      code: 'connection_refused',
      says: expect.stringContaining('closed_today'),
    })
  })

  it('[C17] verify names the limit of a user as a limit', async () => {
    const port = await roomful({
      ...members,
      authorize: allow,
      limits: { messagesPerSecond: 1, messagesBurst: 1 },
    })
    expect(await wrongWith(url(port), { token: 'ana' })).toMatchObject({
      weight: 'limit',
      code: 'rate_limited',
    })
  })
})

describe('verify names what is wrong with the way', () => {
  it('verify finds nothing wrong with nginx as docs/deploy.md has it, and measures it', async () => {
    const proxy = await nginx(passTo(await roomful()))
    const { findings, reached } = await diagnose(targetOf(proxy.url))
    expect(findings).toEqual([])
    expect(reached?.roundTrips).toHaveLength(20)
    expect(Math.abs(reached?.clockOffsetMs ?? 1_000)).toBeLessThan(100)
    expect(reached?.greeted.durability).toBe('memory')
  })

  it('[E1] verify names compression that something negotiates', async () => {
    expect(await wrongWith(await compressing(await roomful()))).toMatchObject({
      code: 'compression',
      says: expect.stringContaining('permessage-deflate'),
    })
  })

  it('verify names something that collects small frames', async () => {
    expect(await wrongWith(await collecting(await roomful(), 400))).toMatchObject({
      code: 'buffering',
      says: expect.stringContaining('came together'),
    })
  })

  it('verify names something that waits for whole blocks', { timeout: 30_000 }, async () => {
    expect(await wrongWith(await inBlocks(await roomful(), 1_024))).toMatchObject({ code: 'held_back' })
  })

  it('verify names a clock that is off', async () => {
    const clock = { ...systemClock, wallTime: () => Date.now() + 90_000 }
    expect(await wrongWith(url(await roomful({ clock })))).toMatchObject({
      code: 'clock',
      says: expect.stringContaining('90 s ahead'),
    })
  })
})

describe('verify names what cuts quiet connections', () => {
  const idle = (address: string, ms: number, lostAt = () => Number.NEGATIVE_INFINITY) =>
    holdIdle({ target: targetOf(address), ms, signal: new AbortController().signal, lostAt })

  it('[C16] verify names a proxy that waits for less than the server pings, with its line', async () => {
    const proxy = await nginx(passTo(await roomful(), 'proxy_read_timeout 1s;'))
    const [finding] = idleWords(await idle(proxy.url, 5_000), 25_000)
    expect(finding).toMatchObject({
      code: 'idle_cut',
      says: expect.stringMatching(/was cut after 1\.\d s, \d times in a row .* pings every 25 s/),
      mend: expect.stringContaining('proxy_read_timeout 75s;'),
    })
  })

  it('[C16] verify finds nothing wrong where the server pings more often than the proxy waits', async () => {
    const proxy = await nginx(
      passTo(await roomful({ limits: { heartbeatMs: 300 } }), 'proxy_read_timeout 4s;'),
    )
    const holds = await idle(proxy.url, 6_000)
    expect(holds).toMatchObject([{ ending: undefined }])
    expect(holds[0]?.pings).toBeGreaterThan(4)
    expect(idleWords(holds, 300)).toEqual([])
  })

  it('verify tells the end of a process from a time-out', async () => {
    const proxy = await nginx(passTo(await roomful(), 'proxy_read_timeout 1s;'))
    // As if others had been lost at the same moment each time.
    const holds = await idle(proxy.url, 2_000, () => performance.now() - 1_500)
    expect(holds.some(({ isShared }) => isShared)).toBe(true)
    expect(
      idleWords(
        holds.filter(({ isShared }) => isShared),
        0,
      ),
    ).toEqual([])
  })

  it('verify names a limit to the life of a connection', () => {
    const ending = { code: 1006, reason: '', at: 0 }
    const holds = [{ heldMs: 30_000, silentMs: 5_000, pings: 1, ending, isShared: false }]
    expect(idleWords(holds, 25_000)).toMatchObject([
      { code: 'cut_after', mend: expect.stringContaining('Google Cloud') },
    ])
  })

  it('[C16] verify names pings that do not arrive, and pongs', () => {
    const hold = { heldMs: 65_000, silentMs: 65_000, pings: 0, isShared: false }
    expect(idleWords([{ ...hold, ending: undefined }], 25_000)).toMatchObject([{ code: 'no_pings' }])
    const missed = { code: 4001, reason: '', at: 0 }
    expect(idleWords([{ ...hold, ending: missed }], 25_000)).toMatchObject([{ code: 'heartbeat' }])
  })
})
