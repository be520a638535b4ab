import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Load, Protocol } from './loads.js'
import { LOAD_CORE, pinned, type Server } from './processes.js'

const run = promisify(execFile)

/** What the load generator prints. Times in seconds, latencies in ms, memory in bytes. */
export interface Sample {
  readonly clients: number
  readonly connectSeconds: number
  /** CPU time of the server while the clients connected and joined. */
  readonly connectCpu: number
  readonly rssBefore: number
  readonly rssAfter: number
  /** Of idle clients alone: half a minute later. */
  readonly rssSettled?: number
  readonly seconds: number
  readonly delivered: number
  readonly sent: number
  readonly serverCpu: number
  readonly p50: number
  readonly p99: number
  /** From when a message was due until its acknowledgement was read. */
  readonly ackP50: number
  readonly ackP99: number
  readonly lost: number
  readonly unacked: number
  /** Messages that a server which did not read left no room for. */
  readonly unsent: number
  /** The load generator's CPU time as a share of one core. */
  readonly loadShare: number
  /** The share of the time in which the server was ready to run and its core was taken. */
  readonly waitShare: number
}

export interface Timing {
  readonly warmupMs: number
  readonly measureMs: number
}

export async function applyLoad(
  program: string,
  { ports, pids }: Server,
  protocol: Protocol,
  load: Load,
  { warmupMs, measureMs }: Timing,
  core = LOAD_CORE,
): Promise<Sample> {
  const options = {
    protocol,
    port: ports,
    pid: pids,
    ...load,
    'warmup-ms': warmupMs,
    'measure-ms': measureMs,
  }
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
  const [command, ...rest] = pinned(core, [program, ...args])
  const { stdout } = await run(command, rest)
  return JSON.parse(stdout) as Sample
}
