import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type ClientPeer, PEERS } from '../loads.js'
import { applyLoad, type Timing } from '../measure.js'
import { end, LOAD_CORE, SERVER_CORE, startNode, startPeer } from '../processes.js'

export const NODE_RATE = 4_000
/** The talker must outlast the receiver, which begins to measure a little later. */
const MARGIN_MS = 500
const receiver = fileURLToPath(new URL('receive.mjs', import.meta.url))

export interface NodeClientSample {
  readonly messages: number
  /** CPU time of the client's process, in seconds. */
  readonly cpu: number
}

/** A client alone on its core, in a room where another one talks; server and talker share the other core. */
export async function measureInNode(
  program: string,
  peer: ClientPeer,
  timing: Timing,
): Promise<NodeClientSample> {
  const server = await startPeer(peer)
  const args = [receiver, peer, server.ports[0], timing.warmupMs, timing.measureMs].map(String)
  const client = startNode(LOAD_CORE, args)
  try {
    const lines = createInterface(client.stdout)[Symbol.asyncIterator]()
    await lines.next()
    const load = { clients: 1, senders: 1, rate: NODE_RATE }
    const longer = { ...timing, measureMs: timing.measureMs + MARGIN_MS }
    const talked = applyLoad(program, server, PEERS[peer].protocol, load, longer, SERVER_CORE)
    const [result] = await Promise.all([lines.next(), talked])
    if (result.done) throw new Error(`The ${peer} client in Node ended before it had measured`)
    return JSON.parse(result.value) as NodeClientSample
  } finally {
    await end(client)
    await server.stop()
  }
}
