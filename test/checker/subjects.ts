import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Random } from '../sim/random.js'
import { RedisServer } from '../support/redis.js'
import { StoreServer } from '../support/store-server.js'

/** What a client of the HTTP API needs. */
export interface HttpAccess {
  /** Of all servers. */
  readonly bases: readonly string[]
  readonly headers: Readonly<Record<string, string>>
}

export const API_KEY = 'a-key-for-the-checker-of-32-or-more'

/** Real servers on a store that keeps everything. */
export interface Subject {
  readonly servers: readonly StoreServer[]
  /** Whether servers are killed: only if acknowledged messages should survive it. */
  readonly isKilled: boolean
  stop(): Promise<void>
}

/** The logs keep everything, so a failed resume is always a fault. */
const EVERYTHING = { historyCount: 1_000_000, historyBytes: 2 ** 30, dedupeMs: 3_600_000 }

export const SUBJECTS = {
  memory: () => inMemory(false),

  /** It is killed in spite of its memory, to show that the checker finds the losses. */
  forgetful: () => inMemory(true),

  async sqlite(): Promise<Subject> {
    const folder = mkdtempSync(join(tmpdir(), 'roomful-checker-'))
    const options = { file: join(folder, 'chat.db'), dedupeMs: EVERYTHING.dedupeMs }
    const server = await StoreServer.start({ store: 'sqlite', options, apiKey: API_KEY })
    const stop = async () => {
      await server.kill()
      rmSync(folder, { recursive: true })
    }
    return { servers: [server], isKilled: true, stop }
  },

  async redis(): Promise<Subject> {
    const redis = await RedisServer.start({ durable: true })
    const options = { url: redis.url, ...EVERYTHING }
    const start = () => StoreServer.start({ store: 'redis', options, apiKey: API_KEY })
    const servers = await Promise.all([start(), start()])
    const stop = async () => {
      for (const server of servers) await server.kill()
      await redis.remove()
    }
    return { servers, isKilled: true, stop }
  },
} as const satisfies Record<string, () => Promise<Subject>>

async function inMemory(isKilled: boolean): Promise<Subject> {
  const options = { ...EVERYTHING, totalBytes: 2 ** 31 }
  const server = await StoreServer.start({ store: 'memory', options, apiKey: API_KEY })
  return { servers: [server], isKilled, stop: () => server.kill() }
}

export type SubjectName = keyof typeof SUBJECTS

export function accessTo({ servers }: Subject): HttpAccess {
  return {
    bases: servers.map(({ port }) => `http://127.0.0.1:${port}/api`),
    headers: { authorization: `Bearer ${API_KEY}` },
  }
}

/** Kills one of the servers, and starts it again after a while. */
export async function killOne({ servers }: Subject, random: Random): Promise<void> {
  const server = random.pick(servers)
  await server.kill()
  await server.restart()
}
