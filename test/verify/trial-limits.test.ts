import { describe, expect, it, onTestFinished } from 'vitest'
import { isFine } from '../../packages/server/src/verify/report.js'
import { TcpProxy } from '../support/tcp-proxy.js'
import { faultsIn, roomful, trialOf, url, verified } from './targets.js'

const timeout = 60_000

describe('verify lets clients talk within the limits of a server', () => {
  it('[E12] [C17] verify names the limits that it meets as limits', { timeout }, async () => {
    const authenticate = () => ({ userId: 'ana' })
    const limits = { connectionsPerUser: 3 }
    const address = url(await roomful({ authenticate, authorize: () => true, limits }))
    const report = await verified(address, { seconds: 3, more: { token: 'ana' } })
    const found = report.findings.filter(({ weight }) => weight === 'limit')
    expect(found.map(({ code }) => code)).toContain('limit_too_many_connections')
    expect(faultsIn(report)).toEqual([])
    expect(isFine(report)).toBe(false)
  })

  it('[E12] verify stays within the default limits of one user', { timeout }, async () => {
    const authenticate = () => ({ userId: 'ana' })
    const address = url(await roomful({ authenticate, authorize: () => true }))
    const report = await verified(address, { seconds: 16, idle: 10, more: { token: 'ana' } })
    expect(report.findings.filter(({ code }) => code !== 'idle_too_short')).toEqual([])
  })

  it('[E12] verify stays within the limits of one user when an outage ends, after which all its clients repeat at once', {
    timeout,
  }, async () => {
    const authenticate = () => ({ userId: 'ana' })
    const limits = { messagesBurst: 20 }
    const proxy = await TcpProxy.to(await roomful({ authenticate, authorize: () => true, limits }))
    onTestFinished(() => proxy.close())
    const verifying = verified(proxy.url, { seconds: 12, more: { token: 'ana' } })
    await expect.poll(() => proxy.wires.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(4)
    proxy.shut()
    // In this time as many messages are written as the server takes at once, twice over.
    await new Promise((resolve) => setTimeout(resolve, 5_000))
    proxy.open()
    const { tally } = trialOf(await verifying)
    expect(tally.longestOutageMs).toBeGreaterThan(4_000)
    expect(tally.acked).toBeGreaterThan(10)
    expect([...tally.limits]).toEqual([])
  })
})
