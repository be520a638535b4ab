import { join } from 'node:path'
import { type Backplane, memory } from '@roomful/server'
import { redis } from '@roomful/server/redis'
import { sqlite } from '@roomful/server/sqlite'
import { onTestFinished } from 'vitest'
import { temporaryFolder } from '../durable/disk-stage.js'
import { RedisServer } from './redis.js'

/** Stores that can change what they have logged, each time a fresh one. */
export const AMENDING_STORES: readonly (readonly [
  name: string,
  make: () => Backplane | Promise<Backplane>,
])[] = [
  ['memory', () => memory()],
  ['SQLite', () => sqlite({ file: join(temporaryFolder(), 'chat.db') })],
  [
    'Redis',
    async () => {
      const store = await RedisServer.start()
      onTestFinished(() => store.remove())
      return redis({ url: store.url, changes: {} })
    },
  ],
]
