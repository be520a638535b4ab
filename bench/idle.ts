import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { type Load, PEERS, type Peer } from './loads.js'
import type { Sample } from './measure.js'
import { LOAD_CORE, pinned, type Server, startPeer } from './processes.js'

/** Idle clients are left alone that long before memory is read. */
const WARMUP_MS = 2_000
/** And that long until it is read once more: V8 gives back what connecting made grow, but not at once. */
const SETTLE_MS = 30_000

/** Clients of one peer that have joined, and stay. */
export interface Resting {
  readonly peer: Peer
  readonly sample: Sample
  /** Ends server and clients; with `settled`, once memory has settled. */
  end(settled: boolean): Promise<Sample>
}

/** Connects idle clients to a fresh server, and leaves them there. */
export async function rest(program: string, peer: Peer, load: Load): Promise<Resting> {
  const server = await startPeer(peer)
  const clients = startClients(program, peer, server, load)
  const lines = createInterface(clients.stdout)[Symbol.asyncIterator]()
  const next = async (): Promise<object> => {
    const { value } = await lines.next()
    if (value === undefined) throw new Error(`the clients of ${peer} ended`)
    return JSON.parse(value) as object
  }
  const sample = (await next()) as Sample
  return {
    peer,
    sample,
    async end(settles) {
      const settled = settles ? await next() : {}
      clients.kill()
      await Promise.all([server.stop(), ended(clients)])
      return { ...sample, ...settled }
    },
  }
}

function startClients(program: string, peer: Peer, { ports, pids }: Server, load: Load) {
  const options = {
    protocol: PEERS[peer].protocol,
    port: ports,
    pid: pids,
    ...load,
    'warmup-ms': WARMUP_MS,
    'measure-ms': 1,
    'settle-ms': SETTLE_MS,
  }
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
  const [command, ...pinnedArgs] = pinned(LOAD_CORE, [program, ...args])
  return spawn(command, pinnedArgs, { stdio: ['ignore', 'pipe', 'inherit'] })
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}
