import { randomUUID } from 'node:crypto'
import { systemClock } from '@roomful/server'
import { redis } from '@roomful/server/redis'
import { backplaneSuite } from '@roomful/server/testing'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { RedisServer } from '../../../../../test/support/redis.js'

let server: RedisServer
let replica: RedisServer
beforeAll(async () => {
  server = await RedisServer.start()
  replica = await RedisServer.start({ replicaOf: server })
})
afterAll(async () => {
  await replica.remove()
  await server.remove()
})

/** Redis keeps its own time, so that of the cases passes as it does. */
const advance = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

for (const durability of ['primary', 'replicated'] as const) {
  describe.concurrent(`the Redis backplane, ${durability}`, () => {
    const suite = backplaneSuite(() => {
      const options = {
        url: server.url,
        prefix: randomUUID(),
        durability,
        replicationTimeoutMs: 10_000,
        changes: {},
      }
      return { backplane: redis(options), peer: redis(options), clock: systemClock, advance }
    })
    for (const { name, run } of suite) it(name, { timeout: 60_000 }, run)
  })
}
