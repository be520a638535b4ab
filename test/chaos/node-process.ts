import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Limits, Stats } from '@roomful/server'
import type { RedisOptions } from '@roomful/server/redis'
import { build as esbuild } from 'esbuild'

export interface NodeOptions {
  readonly redis: Omit<RedisOptions, 'client'>
  readonly limits?: Partial<Limits>
  /** @default any that is free */
  readonly port?: number
  /** What SIGTERM does, as in `close()`. */
  readonly leave?: { readonly lagMs: number; readonly drainMs: number }
}

/** What a node tells of itself. `faults` are exceptions and rejections that nobody caught. */
export interface NodeReport extends Stats {
  readonly faults: readonly string[]
  readonly ready: boolean
}

/** The program of a node in one file, which starts in a tenth of the time. */
let program: Promise<string> | undefined

async function build(): Promise<string> {
  const outfile = fileURLToPath(
    new URL(`../../node_modules/.cache/roomful/chaos-node-${process.pid}.mjs`, import.meta.url),
  )
  await esbuild({
    entryPoints: [fileURLToPath(new URL('node.ts', import.meta.url))],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['redis', 'ws', 'zod'],
  })
  process.once('exit', () => rmSync(outfile, { force: true }))
  return outfile
}

/** A server in a process of its own, on a Redis that it shares with others. */
export class NodeProcess {
  readonly #waiting: ((report: NodeReport) => void)[] = []

  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
  ) {
    child.on('message', (report: NodeReport) => this.#waiting.shift()?.(report))
  }

  static async start(options: NodeOptions): Promise<NodeProcess> {
    program ??= build()
    const child = fork(await program, [JSON.stringify(options)], { execArgv: [] })
    const [port] = await Promise.race([once(child, 'message'), once(child, 'exit').then(() => [])])
    if (typeof port !== 'number') throw new Error('A node ended before it listened')
    return new NodeProcess(child, port)
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null
  }

  report(): Promise<NodeReport> {
    if (this.hasEnded) return Promise.reject(new Error(`The node has ended: ${this.child.exitCode}`))
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      this.child.send('report')
    })
  }

  /** As a crash does it: without a farewell. */
  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  /** As an update does it. Resolves when the process has ended by itself. */
  leave(): Promise<void> {
    return this.#end('SIGTERM')
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.hasEnded) return
    const ended = once(this.child, 'exit')
    this.child.kill(signal)
    await ended
  }
}
