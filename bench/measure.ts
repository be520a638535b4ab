import { execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Load, PEERS, type Peer } from './loads.js'

const run = promisify(execFile)
const SERVER_CORE = 0
const LOAD_CORE = 1

/** What the load generator prints. Times in seconds, latencies in ms, memory in bytes. */
export interface Sample {
  readonly connectSeconds: number
  readonly connectCpu: number
  readonly rssBefore: number
  readonly rssAfter: number
  readonly seconds: number
  readonly delivered: number
  readonly sent: number
  /** Messages that a server which did not read left no room for. */
  readonly unsent: number
  readonly sentInAll: number
  readonly acked: number
  readonly lost: number
  readonly serverCpu: number
  /** The share of one core that the load generator took. */
  readonly loadShare: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

export interface Timing {
  readonly warmupMs: number
  readonly measureMs: number
}

export interface Server {
  readonly port: number
  readonly pid: number
  stop(): Promise<void>
}

export const isPinned = availableParallelism() > 1 && succeeds('taskset', ['-c', String(LOAD_CORE), 'true'])

/** Compiles the load generator into a temporary folder. @returns its path */
export function compileLoad(): string {
  const compiler = ['cc', 'gcc', 'clang'].find((name) => succeeds(name, ['--version']))
  if (process.platform !== 'linux' || !compiler) {
    throw new Error('The benchmark needs Linux (epoll, /proc) and a C compiler named cc, gcc or clang.')
  }
  const program = join(mkdtempSync(join(tmpdir(), 'roomful-bench-')), 'load')
  const source = fileURLToPath(new URL('load/load.c', import.meta.url))
  execFileSync(compiler, ['-O2', '-o', program, source], { stdio: 'inherit' })
  return program
}

/** Starts a peer in a process of its own, on the server's core. */
export async function startPeer(peer: Peer): Promise<Server> {
  return startServer(fileURLToPath(new URL(`peers/${peer}.mjs`, import.meta.url)))
}

async function startServer(file: string): Promise<Server> {
  const [command, ...args] = pinned(SERVER_CORE, [process.execPath, file])
  const child = spawn(command, args, {
    // uWebSockets.js brings native helpers that ws would pick up; it runs as it comes when installed alone.
    env: { ...process.env, NODE_ENV: 'production', WS_NO_BUFFER_UTIL: '1', WS_NO_UTF_8_VALIDATE: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  const first = await Promise.race([once(createInterface(child.stdout), 'line'), ended])
  const port = Number(first[0])
  if (!port || !child.pid || child.exitCode !== null) throw new Error(`${file} did not start`)
  return {
    port,
    pid: child.pid,
    stop: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}

export async function applyLoad(
  program: string,
  { port, pid }: Server,
  peer: Peer,
  load: Load,
  timing: Timing,
): Promise<Sample> {
  const options = {
    protocol: PEERS[peer].protocol,
    port,
    pid,
    clients: load.clients,
    rooms: load.rooms ?? 1,
    senders: load.senders,
    window: load.window ?? 1,
    rate: load.rate ?? 0,
    'warmup-ms': timing.warmupMs,
    'measure-ms': timing.measureMs,
  }
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
  const [command, ...rest] = pinned(LOAD_CORE, [program, ...args])
  const { stdout } = await run(command, rest)
  return JSON.parse(stdout) as Sample
}

/** One run against a fresh server. */
export async function measure(program: string, peer: Peer, load: Load, timing: Timing): Promise<Sample> {
  const server = await startPeer(peer)
  try {
    return await applyLoad(program, server, peer, load, timing)
  } finally {
    await server.stop()
  }
}

function pinned(core: number, command: [string, ...string[]]): [string, ...string[]] {
  return isPinned ? ['taskset', '-c', String(core), ...command] : command
}

function succeeds(command: string, args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
