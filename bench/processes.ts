import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type ClusterPeer, PEERS, type Peer } from './loads.js'

export const SERVER_CORE = 0
export const LOAD_CORE = 1

export interface Server {
  /** Of each of its nodes. */
  readonly ports: readonly number[]
  readonly pids: readonly number[]
  stop(): Promise<void>
}

export const isPinned = availableParallelism() > 1 && succeeds('taskset', ['-c', String(LOAD_CORE), 'true'])

const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))

/** Compiles the load generator into a temporary folder. @returns its path */
export function compileLoad(): string {
  const compiler = ['cc', 'gcc', 'clang'].find((name) => succeeds(name, ['--version']))
  if (process.platform !== 'linux' || !compiler) {
    throw new Error('The benchmark needs Linux (epoll, /proc) and a C compiler named cc, gcc or clang.')
  }
  const folder = mkdtempSync(join(tmpdir(), 'roomful-bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true }))
  const program = join(folder, 'load')
  execFileSync(compiler, ['-O2', '-o', program, pathOf('load/load.c')], { stdio: 'inherit' })
  return program
}

/** Starts a peer in a process of its own, on the server's core. */
export async function startPeer(peer: Peer | ClusterPeer, env: NodeJS.ProcessEnv = {}): Promise<Server> {
  const program = `peers/${peer in PEERS ? PEERS[peer as Peer].server : peer}.mjs`
  const child = startNode(SERVER_CORE, [pathOf(program)], env)
  const [line] = await Promise.race([once(createInterface(child.stdout), 'line'), once(child, 'exit')])
  if (!child.pid || child.exitCode !== null) throw new Error(`${program} did not start`)
  return { ports: [Number(line)], pids: [child.pid], stop: () => end(child) }
}

export function startNode(core: number, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const [command, ...rest] = pinned(core, [process.execPath, ...args])
  const child = spawn(command, rest, {
    // uWebSockets.js brings native helpers that ws would pick up; ws runs as it comes when installed alone.
    env: {
      ...process.env,
      ...env,
      NODE_ENV: 'production',
      WS_NO_BUFFER_UTIL: '1',
      WS_NO_UTF_8_VALIDATE: '1',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

/** The command held to one core, where the machine can. */
export function pinned(core: number, command: [string, ...string[]]): [string, ...string[]] {
  return isPinned ? ['taskset', '-c', String(core), ...command] : command
}

const pathOf = (name: string) => fileURLToPath(new URL(name, import.meta.url))

function succeeds(command: string, args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
