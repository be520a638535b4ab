import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memory } from '@roomful/server'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Report } from '../../packages/server/src/verify/report.js'
import { freePort } from '../support/free-port.js'
import { passTo } from '../support/nginx.js'
import { StoreServer, type StoreServerOptions } from '../support/store-server.js'
import { balancer, type Fate, spoiling } from './proxies.js'
import { faultsIn, nginx, roomful, type Short, trialOf, url, verified } from './targets.js'

const timeout = 60_000

async function stored(options: StoreServerOptions): Promise<StoreServer> {
  const server = await StoreServer.start(options)
  onTestFinished(() => server.kill())
  return server
}

/** Kills a server in the middle of a trial, and starts it again. */
async function killedAmid(server: StoreServer, options: Short = {}): Promise<Report> {
  const verifying = verified(url(server.port), { seconds: 8, ...options })
  await new Promise((resolve) => setTimeout(resolve, 5_000))
  await server.kill()
  await server.restart()
  return verifying
}

describe('verify lets clients talk, and tells what became of what they said', () => {
  it('[M10] [M11] verify finds nothing wrong with a server behind nginx whose connections it cuts and leaves half-open', {
    timeout,
  }, async () => {
    const proxy = await nginx(passTo(await roomful()))
    const report = await verified(proxy.url, { seconds: 9 })
    expect(report.findings).toEqual([])
    const { tally, verdict } = trialOf(report)
    expect(tally.acked).toBeGreaterThan(30)
    expect(tally.shown).toBeGreaterThan(tally.acked)
    expect(tally.cuts).toBeGreaterThan(2)
    expect(tally.halfOpen).toBe(1)
    expect(tally.endings.size).toBe(0)
    expect(tally.resumeMs.count).toBeGreaterThan(2)
    expect(verdict).toMatchObject({ lost: 0, forgotten: 0, duplicated: 0, reordered: 0, holes: 0, breaks: 0 })
  })

  it('[M11] verify finds nothing lost by a server that keeps what it acknowledged, and is killed', {
    timeout,
  }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'roomful-verify-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const options = { file: join(folder, 'chat.db') }
    const report = await killedAmid(await stored({ store: 'sqlite', options }))
    expect(report.findings).toEqual([])
    expect(trialOf(report).tally.endings.get(1006)).toBeGreaterThan(0)
    expect(trialOf(report).tally.longestOutageMs).toBeGreaterThan(100)
  })

  it('[M11] [H7] verify tells what a forgetful server forgot from what is lost, and how to keep it', {
    timeout,
  }, async () => {
    const report = await killedAmid(await stored({ store: 'memory', options: {} }))
    expect(faultsIn(report)).toContain('forgotten')
    expect(faultsIn(report)).not.toContain('lost')
    const { verdict } = trialOf(report)
    expect(verdict).toMatchObject({ lost: 0, duplicated: 0, reordered: 0, holes: 0 })
    expect(verdict.forgotten).toBeGreaterThan(5)
    expect(verdict.breaks).toBeGreaterThan(0)
    expect(report.findings.find(({ code }) => code === 'forgotten')).toMatchObject({
      says: expect.stringMatching(
        /in memory is restarted\. \d+ messages .* clients were told \(recovered: false\)/,
      ),
      mend: expect.stringContaining('sqlite({ file })'),
    })
  })

  it('[H7] verify names nodes that do not share their rooms', { timeout }, async () => {
    const report = await verified(await balancer([await roomful(), await roomful()]), { seconds: 5 })
    expect(faultsIn(report)).toContain('apart')
    expect(faultsIn(report)).not.toContain('lost')
    expect(report.findings.find(({ code }) => code === 'apart')).toMatchObject({
      says: expect.stringContaining('do not share their rooms'),
      mend: expect.stringContaining('redis({ url })'),
    })
  })

  it('[C11] verify finds nothing wrong with nodes that share a Redis', { timeout }, async () => {
    const { RedisServer } = await import('../support/redis.js')
    const redis = await RedisServer.start()
    onTestFinished(() => redis.remove())
    const options = { url: redis.url }
    const nodes = [await stored({ store: 'redis', options }), await stored({ store: 'redis', options })]
    const report = await verified(await balancer(nodes.map(({ port }) => port)), { seconds: 5 })
    expect(report.findings).toEqual([])
  })

  it('[H13] verify finds frames that something drops', { timeout }, async () => {
    const address = await spoiling(await roomful(), () => nth(6, 0))
    const report = await verified(address, { seconds: 5 })
    expect(faultsIn(report)).toContain('holes')
    expect(trialOf(report).verdict.examples[0]).toMatch(/hole: client \d .* came after/)
  })

  it('[M11] verify finds frames that something repeats', { timeout }, async () => {
    const report = await verified(await spoiling(await roomful(), () => nth(6, 2)), { seconds: 5 })
    expect(faultsIn(report)).toContain('duplicated')
    expect(faultsIn(report)).not.toContain('lost')
  })

  it('[H14] verify names rooms that keep too little', { timeout }, async () => {
    const report = await verified(url(await roomful({ backplane: memory({ historyCount: 4 }) })), {
      seconds: 4,
    })
    expect(faultsIn(report)).toEqual(['outgrown'])
  })

  it('verify is not confused by what the application publishes in its rooms', { timeout }, async () => {
    const on = {
      async join({
        room,
        user,
      }: {
        readonly room: { readonly chat: { send(text: string): Promise<unknown> } }
        readonly user: { readonly id: string }
      }) {
        await room.chat.send(`Welcome, ${user.id}`)
      },
    }
    const report = await verified(url(await roomful({ on })), { seconds: 3 })
    expect(report.findings).toEqual([])
  })

  it('verify says that nothing was answered by a server that is gone at the end', { timeout }, async () => {
    const port = await freePort()
    const server = await stored({ store: 'memory', options: {}, port })
    const stop = new AbortController()
    const verifying = verified(url(port), { seconds: 20, signal: stop.signal })
    await new Promise((resolve) => setTimeout(resolve, 4_000))
    await server.kill()
    stop.abort()
    const report = await verifying
    expect(faultsIn(report)).toContain('unanswered')
    expect(report.findings.find(({ code }) => code === 'unanswered')).toMatchObject({
      says: expect.stringContaining('ECONNREFUSED'),
    })
    expect(trialOf(report).wasStopped).toBe(true)
  })
})

/** Of each connection, the nth chat message that it is shown. */
function nth(number: number, times: number): Fate {
  let seen = 0
  return (text) => (text.startsWith('{"type":"chat_message"') && ++seen === number ? times : 1)
}
