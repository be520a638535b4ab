import { Oracle } from '../sim/oracle.js'
import { TcpProxy } from '../support/tcp-proxy.js'
import { Chatter, IMPATIENT, type Patience } from './chatter.js'
import { ServerProcess } from './server-process.js'

export interface SlowReadersOptions {
  readonly healthy: number
  readonly slow: number
  /** Messages of 4 KB, more than the kernel's buffers hold for the slow ones. */
  readonly messages: number
}

export interface SlowReadersResult {
  readonly violations: readonly string[]
  /** Time until a message was acknowledged, without slow readers and beside them, in ms. */
  readonly baseP99: number
  readonly besideP99: number
  /** Of all connections together, at most, in bytes. */
  readonly backlog: number
  readonly backlogLimit: number
}

/** Who sleeps does not notice by itself: it is for the server to act. */
const PATIENT: Patience = { backoff: IMPATIENT.backoff }
const BACKLOG = 256 * 1024
const ROOM = 'busy'
const FILLER = `:${'😀'.repeat(900)}`
const BATCH = 20
const unlimited = Number.POSITIVE_INFINITY

/** Some stop reading while a room is busy. They are let go and come back; nobody else notices. */
export async function readSlowly({
  healthy,
  slow,
  messages,
}: SlowReadersOptions): Promise<SlowReadersResult> {
  const limits = {
    backlogBytes: BACKLOG,
    messagesPerSecond: unlimited,
    bytesPerSecond: unlimited,
    pendingPerAddress: unlimited,
  }
  const server = await ServerProcess.start({ limits })
  const proxy = await TcpProxy.to(server.port)
  const oracle = new Oracle({ historyCount: unlimited, refusals: new Set() })
  const enter = (name: string, port: number, patience: Patience = IMPATIENT) =>
    new Chatter(name, ROOM, port, oracle, patience)
  const writer = enter('writer', server.port)
  const readers = Array.from({ length: healthy }, (_, index) => enter(`healthy${index}`, server.port))
  const sleepers = Array.from({ length: slow }, (_, index) => enter(`slow${index}`, proxy.port, PATIENT))
  const all = [writer, ...readers, ...sleepers]
  try {
    await Promise.all(all.map((chatter) => chatter.join()))
    const baseP99 = await flood(writer, readers, messages / 4)
    for (const wire of proxy.wires) wire.stall('to_client')
    let backlog = 0
    const besideP99 = await flood(writer, readers, messages, async () => {
      backlog = Math.max(backlog, (await server.ask('stats')).backlogBytes)
    })
    await untilConnections(server, all.length - slow)
    proxy.heal()
    const { id = '' } = await writer.write()
    await Promise.all(all.map((chatter) => chatter.sees(id)))
    for (const { room, entry } of await server.ask('logs')) oracle.logged(room, entry)
    oracle.check()
    return {
      violations: oracle.violations,
      baseP99,
      besideP99,
      backlog,
      backlogLimit: slow * BACKLOG * 2,
    }
  } finally {
    for (const { client } of all) client.close()
    proxy.close()
    await server.stop()
  }
}

/** Resolves when the server has let the others go: it closes them, and waits a while for their answer. */
async function untilConnections(server: ServerProcess, count: number): Promise<void> {
  while ((await server.ask('stats')).connections > count)
    await new Promise<void>((resolve) => setTimeout(resolve, 50))
}

/** Writes in batches, each seen by all readers before the next; returns the 99th percentile of the time to an ack. */
async function flood(
  writer: Chatter,
  readers: readonly Chatter[],
  messages: number,
  afterBatch: () => Promise<void> = async () => {},
): Promise<number> {
  const times: number[] = []
  for (let written = 0; written < messages; written += BATCH) {
    const sent = Array.from({ length: BATCH }, async () => {
      const startedAt = performance.now()
      const place = await writer.write(FILLER)
      times.push(performance.now() - startedAt)
      return place.id ?? ''
    })
    const last = (await Promise.all(sent)).at(-1) ?? ''
    await Promise.all(readers.map((reader) => reader.sees(last)))
    await afterBatch()
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? 0
}
