import { Oracle } from '../sim/oracle.js'
import { Random } from '../sim/random.js'
import { TcpProxy, type Wire } from '../support/tcp-proxy.js'
import { Chatter } from './chatter.js'
import { ServerProcess } from './server-process.js'

export interface StormOptions {
  readonly clients: number
  readonly rooms: number
  /** How long messages are sent and connections fail, in ms. */
  readonly durationMs: number
  /** Between two faults, in ms. */
  readonly faultEveryMs: number
  /** Of all clients together. */
  readonly messagesPerSecond: number
  readonly seed: number
}

export interface StormResult {
  readonly violations: readonly string[]
  readonly faults: number
  readonly acked: number
  readonly seen: number
  readonly breaks: number
  readonly dials: number
}

type Strike = (wire: Wire, random: Random) => void

const FAULTS: readonly Strike[] = [
  (wire) => wire.cut(),
  (wire) => wire.cut(),
  (wire) => wire.halfOpen('to_server'),
  (wire) => wire.halfOpen('to_client'),
  (wire) => wire.halfOpen('both'),
  (wire) => wire.stall('to_client'),
  (wire) => wire.stall('to_server'),
  (wire, random) => wire.latency(random.between(10, 400)),
  (wire) => wire.heal(),
]

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** Real clients under load, each behind a proxy that fails, against a real server; judged by the simulation's oracle. */
export async function storm(options: StormOptions): Promise<StormResult> {
  const server = await ServerProcess.start({ limits: { heartbeatMs: 2_000, pendingPerAddress: 10_000 } })
  const proxy = await TcpProxy.to(server.port)
  const oracle = new Oracle({ historyCount: Number.POSITIVE_INFINITY, refusals: new Set() })
  const chatters = Array.from(
    { length: options.clients },
    (_, index) => new Chatter(`c${index}`, `room-${index % options.rooms}`, proxy.port, oracle),
  )
  let dials = 0
  for (const { client } of chatters)
    client.on('status', ({ to }) => {
      if (to.state === 'dialing') dials++
    })
  try {
    await Promise.all(chatters.map((chatter) => chatter.join()))
    const faults = await rage(options, chatters, proxy)
    proxy.heal()
    await Promise.all(chatters.map((chatter) => chatter.settled()))
    await lastWords(chatters)
    const { faults: unhandled } = await server.ask('stats')
    if (unhandled > 0) oracle.fail(`${unhandled} errors of the server were caught by nobody`)
    for (const { room, entry } of await server.ask('logs')) oracle.logged(room, entry)
    oracle.check()
    const { violations, ackCount: acked, entriesSeen: seen, breaks } = oracle
    return { violations, faults, acked, seen, breaks, dials }
  } finally {
    for (const { client } of chatters) client.close()
    proxy.close()
    await server.stop()
  }
}

/** Load and faults; returns how many faults there were. */
async function rage(options: StormOptions, chatters: readonly Chatter[], proxy: TcpProxy): Promise<number> {
  const random = new Random(options.seed)
  const end = performance.now() + options.durationMs
  let faults = 0
  const strike = async () => {
    while (performance.now() < end) {
      await pause(options.faultEveryMs)
      const { wires } = proxy
      if (wires.length === 0) continue
      random.pick(FAULTS)(random.pick(wires), random)
      faults++
    }
  }
  const talk = async () => {
    while (performance.now() < end) {
      random.pick(chatters).write()
      await pause(1_000 / options.messagesPerSecond)
    }
  }
  await Promise.all([strike(), talk()])
  return faults
}

/** One more message in each room, which everybody there must see as the last. */
async function lastWords(chatters: readonly Chatter[]): Promise<void> {
  const speakers = new Map(chatters.map((chatter) => [chatter.roomId, chatter]))
  for (const [roomId, speaker] of speakers) {
    const { id = '' } = await speaker.write()
    await Promise.all(chatters.filter((one) => one.roomId === roomId).map((one) => one.sees(id)))
  }
}
