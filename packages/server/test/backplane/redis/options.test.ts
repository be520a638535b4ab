import { randomUUID } from 'node:crypto'
import { silentLogger, systemClock } from '@roomful/server'
import { type RedisOptions, redis } from '@roomful/server/redis'
import { createClient } from 'redis'
import { expect, it } from 'vitest'
import { RedisServer } from '../../../../../test/support/redis.js'

it.each<[RedisOptions, string]>([
  [{ historyCount: 0 }, 'redis: historyCount must be a whole number above 0'],
  [{ headCheckMs: Number.NaN }, 'redis: headCheckMs must be a whole number above 0'],
  [{ prefix: '{all}' }, 'redis: prefix must be a string without braces'],
  [{ durability: 'memory' as 'primary' }, "redis: durability must be 'primary' or 'replicated'"],
  [{ leaseMs: 6_000 }, 'redis: leaseMs must be at least twice leaseRenewMs'],
])('redis() refuses %j', (options, message) => {
  expect(() => redis(options)).toThrow(message)
})

it('redis() takes the settings of a client, serves one server, and leaves the client alone', async () => {
  const server = await RedisServer.start({ password: 'secret' })
  const client = createClient({ url: server.url, password: 'secret' })
  const backplane = redis({ client })
  const node = {
    clock: systemClock,
    logger: silentLogger,
    graceMs: 1_000,
    listedMembers: 200,
    newId: randomUUID,
    receive: () => {},
  }
  await backplane.start(node)
  expect(backplane.ready).toBe(true)
  await expect(backplane.start(node)).rejects.toThrow('serves one server')
  const connected = String(await server.command('CLIENT', 'LIST')).match(/\bid=/g)
  // Two of the node, and the one that asks.
  expect(connected).toHaveLength(3)
  await backplane.close()
  expect(backplane.ready).toBe(false)
  expect(client.isOpen).toBe(false)
  await server.remove()
})
