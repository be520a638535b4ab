import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('store-server.mjs', import.meta.url))

export interface StoreServerOptions {
  readonly store: 'memory' | 'redis' | 'sqlite'
  /** Of the store, as its function takes them. */
  readonly options: Readonly<Record<string, unknown>>
  /** @default any that is free */
  readonly port?: number
}

/** The built server in a process of its own, which can be killed and started again on its port and its store. */
export class StoreServer {
  private constructor(
    private readonly options: StoreServerOptions,
    private child: ChildProcess,
    readonly port: number,
  ) {}

  static async start(options: StoreServerOptions): Promise<StoreServer> {
    const { child, port } = await launch(options)
    return new StoreServer(options, child, port)
  }

  get pid(): number {
    return this.child.pid ?? 0
  }

  /** As a crash does it: without a farewell. */
  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  /** As an update does it. */
  leave(): Promise<void> {
    return this.#end('SIGTERM')
  }

  /** Starts it again, where it was. */
  async restart(): Promise<void> {
    this.child = (await launch({ ...this.options, port: this.port })).child
  }

  /** Errors that nothing in the server caught. */
  async faults(): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.port}/faults`)
    return Number(await response.text())
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const { child } = this
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
}

async function launch(options: StoreServerOptions) {
  const child = fork(PROGRAM, [JSON.stringify(options)], { execArgv: [] })
  const [port] = await Promise.race([once(child, 'message'), once(child, 'exit').then(() => [])])
  if (typeof port !== 'number')
    throw new Error('The server ended before it listened; is it built? npm run build')
  return { child, port }
}
