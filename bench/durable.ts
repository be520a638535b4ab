import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { RedisServer } from '../test/support/redis.js'
import { StoreServer, type StoreServerOptions } from '../test/support/store-server.js'
import type { Load } from './loads.js'
import { applyLoad, type Sample, type Timing } from './measure.js'
import { type Probe, probe } from './sync-probe.js'

/** The same server on each: only the store differs. */
export const STORES = {
  sqlite: { title: 'SQLite' },
  memory: { title: 'memory' },
  redis: { title: 'Redis, `appendfsync always`' },
} as const

export type Store = keyof typeof STORES
export const STORE_NAMES = Object.keys(STORES) as Store[]

export const DURABLE_LOADS = {
  paced: {
    title: '100 clients, 20 rooms, 2,000 msg/s',
    load: { clients: 100, rooms: 20, senders: 100, rate: 2_000 },
  },
  full: {
    title: '100 clients, 20 rooms, closed loop, window 20',
    load: { clients: 100, rooms: 20, senders: 100, window: 20 },
  },
} as const satisfies Record<string, { title: string; load: Load }>

export type DurableLoad = keyof typeof DURABLE_LOADS
export const DURABLE_LOAD_NAMES = Object.keys(DURABLE_LOADS) as DurableLoad[]

export interface DurableSample extends Sample {
  /** The 99th percentile of how late the server's event loop was in the window, in ms. */
  readonly loopDelay: number
  /** Taken just before. */
  readonly probe: Probe
}

const PROBE_MS = 2_000

/** A folder on the file system of the repository: another one may be kept in memory. */
export function repositoryFolder(): string {
  const cache = fileURLToPath(new URL('../node_modules/.cache/roomful/', import.meta.url))
  mkdirSync(cache, { recursive: true })
  return mkdtempSync(join(cache, 'bench-'))
}

/** One run of one load against a fresh server on a fresh store. */
export async function measureDurable(
  program: string,
  store: Store,
  name: DurableLoad,
  timing: Timing,
): Promise<DurableSample> {
  const folder = repositoryFolder()
  const ends: (() => Promise<void>)[] = []
  try {
    const probed = probe(folder, PROBE_MS)
    const server = await StoreServer.start(await optionsOf(store, folder, ends))
    ends.push(() => server.kill())
    const { load } = DURABLE_LOADS[name]
    const sampled = applyLoad(
      program,
      { ports: [server.port], pids: [server.pid], stop: () => server.kill() },
      'roomful',
      load,
      timing,
    )
    const delayed = delayIn(server, timing)
    return { ...(await sampled), loopDelay: await delayed, probe: probed }
  } finally {
    for (const end of ends.reverse()) await end()
    rmSync(folder, { recursive: true })
  }
}

async function optionsOf(
  store: Store,
  folder: string,
  ends: (() => Promise<void>)[],
): Promise<StoreServerOptions> {
  if (store === 'memory') return { store, options: {} }
  if (store === 'sqlite') return { store, options: { file: join(folder, 'chat.db') } }
  const redis = await RedisServer.start({ durable: true, folder })
  ends.push(() => redis.remove())
  return { store, options: { url: redis.url } }
}

/** Of the window that is measured: what is compiled before it is not what is asked for. */
async function delayIn(server: StoreServer, { warmupMs, measureMs }: Timing): Promise<number> {
  await pause(warmupMs)
  await server.loopDelay()
  await pause(measureMs)
  return server.loopDelay()
}

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
