import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { WebhookEndpoint } from '@roomful/server'

const PROGRAM = fileURLToPath(new URL('store-server.mjs', import.meta.url))

export interface StoreServerOptions {
  readonly store: 'memory' | 'redis' | 'sqlite'
  /** The options of the store's function. */
  readonly options: Readonly<Record<string, unknown>>
  /** @default any free port */
  readonly port?: number
  /** Passed to `server.webhooks()`. */
  readonly webhooks?: readonly WebhookEndpoint[]
  /** Serves the HTTP API at `/api` to requests with this key. */
  readonly apiKey?: string
  /** In addition to the variables of this process. */
  readonly env?: Readonly<Record<string, string>>
}

interface Told {
  readonly port?: number
  readonly failed?: string
  readonly level?: 'warn' | 'error'
  readonly event?: string
}

/** In bytes, after a full garbage collection of the main thread. */
export interface Memory {
  /** What the main thread's heap still holds. */
  readonly heap: number
  /** What the process has of the machine's memory. */
  readonly resident: number
}

/** The built server in a process of its own, which can be killed and started again on its port and its store. */
export class StoreServer {
  /** Warnings and errors that it logged, in all its lives. */
  readonly log: string[] = []
  #child: ChildProcess | undefined
  #port = 0

  private constructor(private readonly options: StoreServerOptions) {}

  /** @throws Error with what the server says, if it does not start */
  static async start(options: StoreServerOptions): Promise<StoreServer> {
    const server = new StoreServer(options)
    await server.restart()
    return server
  }

  get port(): number {
    return this.#port
  }

  get pid(): number {
    return this.#child?.pid ?? 0
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
    const { options } = this
    const port = this.#port || options.port
    const child = fork(PROGRAM, [JSON.stringify({ ...options, port })], {
      execArgv: ['--expose-gc'],
      env: { ...process.env, ...options.env },
    })
    this.#child = child
    this.#port = await new Promise((resolve, reject) => {
      child.on('message', ({ port, failed, level, event }: Told) => {
        if (port !== undefined) resolve(port)
        if (failed !== undefined) reject(new Error(failed))
        if (level !== undefined) this.log.push(`${level}: ${event}`)
      })
      child.once('exit', (code) =>
        reject(new Error(`The server ended with ${code} before it listened; is it built? npm run build`)),
      )
    })
  }

  /** Errors that nothing in the server caught. */
  async faults(): Promise<number> {
    return Number(await this.#ask('faults'))
  }

  /** As `server.metrics()` gives them. */
  metrics(): Promise<string> {
    return this.#ask('metrics')
  }

  /** The 99th percentile of how late its event loop was since this was last asked for, in ms. */
  async loopDelay(): Promise<number> {
    return Number(await this.#ask('delays'))
  }

  /** Erases what a user wrote, as an application does. */
  async erase(user: string): Promise<void> {
    await this.#ask(`erase?${new URLSearchParams({ user })}`)
  }

  /** All that `server.changes()` gives now, one JSON text each. */
  async changes(): Promise<readonly string[]> {
    return (await this.#ask('changes')).split('\n').filter(Boolean)
  }

  /** What the store exports, one JSON text each. */
  async export(what: Readonly<Record<string, string>>): Promise<readonly string[]> {
    return (await this.#ask(`export?${new URLSearchParams(what)}`)).split('\n').filter(Boolean)
  }

  async memory(): Promise<Memory> {
    return JSON.parse(await this.#ask('memory'))
  }

  /** The status of `/healthz` or `/readyz`. */
  async status(path: 'healthz' | 'readyz'): Promise<number> {
    return (await fetch(`http://127.0.0.1:${this.port}/${path}`)).status
  }

  async #ask(path: string): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.port}/${path}`)).text()
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
}
