import { describe, expect, it } from 'vitest'
import { connect, refusedUpgrade } from '../support/connect.js'
import { gate, serve, until, WireClock } from '../support/wire-server.js'

const from = (address: string) => ({ headers: { 'x-forwarded-for': address } })
const crowd = (url: string, size: number, address: string) =>
  Promise.all(Array.from({ length: size }, () => connect(url, from(address))))

describe('many behind one address', () => {
  it('[C17] many behind one address are all let in at once after a restart, while another address holds silent sockets', async () => {
    const clock = new WireClock()
    let checks = 0
    const { url, server, log } = await serve({
      clock,
      trustedProxies: 1,
      authenticate: async ({ token }) => {
        checks++
        await new Promise<void>((resolve) => clock.after(300, resolve))
        return { userId: token ?? '' }
      },
      authorize: () => true,
    })
    const silent = await crowd(url, 300, '203.0.113.9')
    const office = await crowd(url, 300, '203.0.113.7')
    for (const [index, client] of office.entries())
      client.send({ type: 'auth', protocol: 1, token: `u${index}` })
    await until(() => checks === 300)
    await clock.advance(300)
    for (const client of office) await client.next('authenticated')
    expect(server.stats()).toMatchObject({ connections: 600, users: 300 })

    await clock.advance(2_000)
    const ends = silent.slice(20)
    for (const client of ends) {
      expect(await client.next('error')).toMatchObject({ code: 'unavailable', retry_after_ms: 1_000 })
      expect((await client.closed).code).toBe(1013)
    }
    await until(() => server.stats().connections === 320)
    expect(log.filter(({ event }) => event.includes('limits.silentPerAddress'))).toEqual([
      { level: 'warn', event: expect.any(String), fields: { count: 280 } },
    ])
    await clock.advance(8_000)
    for (const client of silent.slice(0, 20)) expect((await client.closed).code).toBe(4008)
    await until(() => server.stats().connections === 300)
  })

  it('[C17] many behind one address are not taken for silent while the server itself makes them wait', async () => {
    const clock = new WireClock()
    const { opened, open } = gate()
    const { url } = await serve({
      clock,
      limits: { silentPerAddress: 1, silentMs: 500 },
      authenticate: ({ token }) => ({ userId: token ?? '' }),
      authorize: () => true,
      on: { connect: () => opened },
    })
    const clients = await Promise.all([connect(url), connect(url), connect(url)])
    for (const client of clients) client.send({ type: 'auth', protocol: 1, token: 't' })
    await clock.advance(5_000)
    open()
    for (const client of clients) await client.next('authenticated')
  })

  it('[C17] many behind one address beyond limits.pendingPerAddress are told by HTTP when to come back', async () => {
    const { url } = await serve({
      authenticate: () => null,
      authorize: () => true,
      limits: { pendingPerAddress: 1 },
    })
    await connect(url)
    const answer = await refusedUpgrade(url)
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '1' } })
    expect(answer.text).toMatch(/too many connections of this address/)
  })
})
