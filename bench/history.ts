import { execFile } from 'node:child_process'
import { rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Memory, StoreServer } from '../test/support/store-server.js'
import { WireClient } from '../test/support/wire-client.js'
import { pause, repositoryFolder } from './durable.js'

/** A server on a file that holds a long history. Times in ms, memory and sizes in bytes. */
export interface HistorySample {
  readonly rooms: number
  readonly entries: number
  /** Entries a second that the server itself published, to fill the file. */
  readonly filled: number
  readonly bytesAMessage: number
  /** From the start of the process until it listens: on an empty file, and on the full one. */
  readonly startEmpty: number
  readonly startFull: number
  /** Of a room nobody had been in, from its middle. */
  readonly pageP50: number
  readonly pageP99: number
  readonly memory: {
    readonly emptyFile: Memory
    readonly thisFile: Memory
    /** After somebody was in every room, once and again. */
    readonly visited: Memory
    readonly visitedAgain: Memory
  }
}

const run = promisify(execFile)
const PAGES = 2_000
const PAGE = 25
/** After this time without work, V8 has given back most of the heap that it keeps in hand. */
const REST_MS = 15_000

export async function measureHistory(rooms: number, entries: number): Promise<HistorySample> {
  const folder = repositoryFolder()
  try {
    const file = join(folder, 'chat.db')
    const startedAt = performance.now()
    const program = fileURLToPath(new URL('fill.mjs', import.meta.url))
    await run(process.execPath, [program, file, String(rooms), String(entries / rooms)])
    const seconds = (performance.now() - startedAt) / 1_000
    const empty = await startOn(join(folder, 'empty.db'))
    await empty.server.kill()
    const full = await startOn(file)
    const pages = await visitAll(full.server, rooms, entries / rooms)
    const visited = await memoryAtRest(full.server)
    await visitAll(full.server, rooms, entries / rooms)
    const visitedAgain = await memoryAtRest(full.server)
    await full.server.kill()
    return {
      ...{ rooms, entries, filled: entries / seconds, bytesAMessage: statSync(file).size / entries },
      ...{ startEmpty: empty.ms, startFull: full.ms },
      ...{ pageP50: quantile(pages, 0.5), pageP99: quantile(pages, 0.99) },
      memory: { emptyFile: empty.memory, thisFile: full.memory, visited, visitedAgain },
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function startOn(file: string) {
  const startedAt = performance.now()
  const server = await StoreServer.start({ store: 'sqlite', options: { file } })
  const ms = performance.now() - startedAt
  return { server, ms, memory: await server.memory() }
}

async function memoryAtRest(server: StoreServer): Promise<Memory> {
  await pause(REST_MS)
  return server.memory()
}

/** Somebody looks into each room, and reads a page from the middle of some; returns how long these took, in order. */
async function visitAll(server: StoreServer, rooms: number, entries: number): Promise<readonly number[]> {
  const client = await WireClient.open(server.port)
  const times: number[] = []
  const every = Math.max(1, Math.floor(rooms / PAGES))
  for (let room = 0; room < rooms; room++) {
    const room_id = `room-${room}`
    await client.join(room_id)
    const startedAt = performance.now()
    const before = Math.floor(entries / 2)
    const page = { type: 'history', room_id, before, limit: PAGE }
    if (room % every === 0) await client.ask(page, 'history')
    if (room % every === 0) times.push(performance.now() - startedAt)
    await client.ask({ type: 'leave', room_id }, 'left')
    client.frames.length = 0
  }
  client.socket.terminate()
  return times.sort((a, b) => a - b)
}

const quantile = (sorted: readonly number[], share: number) => sorted[Math.floor(sorted.length * share)] ?? 0
