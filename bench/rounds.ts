import { launchChromium } from '../test/support/chromium.js'
import { measureInChromium } from './client/in-chromium.js'
import { measureInNode } from './client/in-node.js'
import { measureCluster } from './cluster.js'
import { DURABLE_LOAD_NAMES, measureDurable, STORE_NAMES } from './durable.js'
import type { DurableResults } from './durable-report.js'
import { measureHistory } from './history.js'
import { type Resting, rest } from './idle.js'
import {
  CLIENT_PEERS,
  CLUSTER_LOAD_NAMES,
  CLUSTER_NAMES,
  EQUAL_LOADS,
  isRival,
  LOAD_NAMES,
  LOADS,
  type Load,
  PEERS,
  type Peer,
} from './loads.js'
import { applyLoad, type Sample, type Timing } from './measure.js'
import type { Options } from './options.js'
import { type Server, startPeer } from './processes.js'
import { deliveries, type Results, type Runs, rate } from './results.js'

const IDLE_ROOMS = 100

/** Everything that was chosen, peer after peer within each round, so that the machine's moods meet them all. */
export async function measureAll(program: string, options: Options): Promise<Results> {
  const results: Results = { loads: {}, equal: {}, idle: {}, clusters: {}, node: {}, chromium: {} }
  for (let round = 0; round < options.rounds; round++) {
    await measureLoads(program, options, results, round)
    await measureIdle(program, options, results, round)
  }
  for (let round = 0; round < options.otherRounds; round++) {
    await measureClusters(program, options, results, round)
    await measureNodeClients(program, options, results, round)
  }
  await measureChromium(program, options, results)
  return results
}

/** The same server on different stores, and on a file with a long history. */
export async function measureStores(program: string, options: Options): Promise<DurableResults> {
  const loads: DurableResults['loads'] = {}
  for (let round = 0; round < options.otherRounds; round++) {
    for (const name of DURABLE_LOAD_NAMES) {
      const runs = loads[name] ?? {}
      loads[name] = runs
      for (const store of turned(STORE_NAMES, round)) {
        const sample = await measureDurable(program, store, name, options.durableTiming)
        add(runs, store, sample)
        log(round, `durable, ${name}`, store, `${Math.round(sample.sent / sample.seconds)} messages/s`)
      }
    }
  }
  const { rooms, entries } = options.history
  return { loads, history: await measureHistory(rooms, entries) }
}

interface Running {
  readonly peer: Peer
  readonly server: Server
}

async function measureLoads(
  program: string,
  options: Options,
  results: Results,
  round: number,
): Promise<void> {
  const { sections, peers, timing } = options
  if (!sections.some((section) => section === 'equal' || section in LOADS)) return
  const running = await Promise.all(
    turned(peers, round).map(async (peer) => ({ peer, server: await startPeer(peer) })),
  )
  try {
    for (const one of running) await applyTo(program, one, LOADS.C.load, options.warming)
    // Those that take the whole core come last: by then, what is compiled in the background is compiled.
    for (const name of LOAD_NAMES.filter((name) => sections.includes(name)).reverse()) {
      const runs = results.loads[name] ?? {}
      results.loads[name] = runs
      for (const one of running) {
        const sample = await applyTo(program, one, LOADS[name].load, timing)
        add(runs, one.peer, sample)
        log(round, name, one.peer, `${Math.round(deliveries(sample))}k deliveries a CPU second`)
      }
    }
    if (sections.includes('equal')) await measureEqual(program, running, options, results, round)
  } finally {
    await Promise.all(running.map(({ server }) => server.stop()))
  }
}

/** Roomful and the naive loop as open loops, at half of what the naive loop carried in this round. */
async function measureEqual(
  program: string,
  running: readonly Running[],
  { timing, warming }: Options,
  results: Results,
  round: number,
): Promise<void> {
  const naive = running.find(({ peer }) => peer === 'ws')
  const ours = running.find(({ peer }) => peer === 'roomful')
  if (!naive || !ours) throw new TypeError('equal: needs the peers roomful and ws')
  // The first to run at this rate: what it calls often enough only now is compiled meanwhile, on the server's only core.
  // And twice as long as a load: how many full collections fall into it should not decide its 99th percentile.
  const warmed = { warmupMs: warming.warmupMs, measureMs: 2 * timing.measureMs }
  for (const name of EQUAL_LOADS) {
    const { load } = LOADS[name]
    const whole = results.loads[name]?.ws?.[round] ?? (await applyTo(program, naive, load, timing))
    const open = { clients: load.clients, senders: load.senders, rate: rate(whole) / 2 }
    const runs = results.equal[name] ?? {}
    results.equal[name] = runs
    for (const one of turned([ours, naive], round)) {
      const sample = await applyTo(program, one, open, warmed)
      add(runs, one.peer, sample)
      log(round, `equal ${name}`, one.peer, `p99 ${sample.p99} ms`)
    }
  }
}

let runs = 0

/** In rooms of its own: those of the run before may not be empty yet. */
function applyTo(program: string, { peer, server }: Running, load: Load, timing: Timing): Promise<Sample> {
  return applyLoad(program, server, PEERS[peer].protocol, { ...load, prefix: `run-${runs++}` }, timing)
}

async function measureIdle(
  program: string,
  options: Options,
  results: Results,
  round: number,
): Promise<void> {
  if (!options.sections.includes('idle')) return
  const load = { clients: options.idleClients, rooms: IDLE_ROOMS, senders: 0 }
  // Once is enough: what is live by then is the same in each round.
  const settles = round === 0
  const all: Resting[] = []
  // Side by side, since each takes half a minute to settle; those that rest take next to nothing of the core.
  const peers = options.peers.filter((peer) => peer === 'roomful' || isRival(peer))
  for (const peer of turned(peers, round)) {
    const resting = await rest(program, peer, load)
    all.push(resting)
    const { connectSeconds } = resting.sample
    log(round, 'idle', peer, `${options.idleClients} connections in ${connectSeconds.toFixed(1)} s`)
  }
  for (const { peer, end } of all) add(results.idle, peer, await end(settles))
}

async function measureClusters(
  program: string,
  options: Options,
  results: Results,
  round: number,
): Promise<void> {
  if (!options.sections.includes('cluster')) return
  for (const name of CLUSTER_LOAD_NAMES) {
    const runs = results.clusters[name] ?? {}
    results.clusters[name] = runs
    for (const peer of turned(CLUSTER_NAMES, round)) {
      const sample = await measureCluster(program, peer, name, options.timing)
      add(runs, peer, sample)
      log(round, `cluster, ${name}`, peer, `${Math.round(sample.sent / sample.seconds)} messages/s`)
    }
  }
}

async function measureNodeClients(
  program: string,
  options: Options,
  results: Results,
  round: number,
): Promise<void> {
  if (!options.sections.includes('client')) return
  for (const peer of turned(CLIENT_PEERS, round)) {
    const sample = await measureInNode(program, peer, options.timing)
    add(results.node, peer, sample)
    log(round, 'client', peer, `${Math.round(sample.messages / sample.cpu)} messages a CPU second`)
  }
}

async function measureChromium(program: string, options: Options, results: Results): Promise<void> {
  if (!options.sections.includes('browser')) return
  const browser = await launchChromium()
  try {
    for (const peer of CLIENT_PEERS) {
      const sample = await measureInChromium(browser, program, peer, options.chromiumTiming)
      add(results.chromium, peer, sample)
      log(0, 'browser', peer, `${sample.longTasks.length} long tasks`)
    }
  } finally {
    await browser.close()
  }
}

/** Another one begins in each round. */
function turned<T>(list: readonly T[], round: number): readonly T[] {
  const start = round % list.length
  return [...list.slice(start), ...list.slice(0, start)]
}

function add<P extends string, S>(runs: Runs<P, S>, peer: P, sample: S): void {
  const samples: S[] = runs[peer] ?? []
  samples.push(sample)
  runs[peer] = samples
}

function log(round: number, section: string, peer: string, figure: string): void {
  console.error(`round ${round + 1}  ${section.padEnd(7)}  ${peer.padEnd(9)}  ${figure}`)
}
