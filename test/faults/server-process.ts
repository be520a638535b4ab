import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Limits, MemoryOptions, Stats } from '@roomful/server'
import type { Seen } from '../sim/oracle.js'

interface Answers {
  readonly logs: readonly { readonly room: string; readonly entry: Seen }[]
  /** `faults` counts exceptions and rejections that nobody caught. */
  readonly stats: Stats & { readonly faults: number }
  readonly memory: { readonly heapUsed: number; readonly rss: number; readonly faults: number }
}

export interface Question {
  readonly id: number
  readonly ask: keyof Answers
}

export interface Answer {
  readonly id: number
  readonly value: unknown
}

export interface ServerProcessOptions {
  readonly limits?: Partial<Limits>
  /** What its logs keep. @default everything, and the parent can ask for all entries */
  readonly memory?: MemoryOptions
}

const SERVER = new URL('server.ts', import.meta.url)

/** A real server in a process of its own. */
export class ServerProcess {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, (value: never) => void>()
  #lastId = 0

  private constructor(
    child: ChildProcess,
    readonly port: number,
  ) {
    this.#child = child
    child.on('message', ({ id, value }: Answer) => {
      this.#waiting.get(id)?.(value as never)
      this.#waiting.delete(id)
    })
  }

  static async start(options: ServerProcessOptions = {}): Promise<ServerProcess> {
    const child = fork(SERVER, [JSON.stringify(options)], { execArgv: ['--expose-gc', '--import', 'tsx'] })
    const first = await Promise.race([once(child, 'message'), once(child, 'exit')])
    const { value }: Answer = first[0] ?? {}
    if (typeof value !== 'number')
      throw new Error(`The server's process ended before it listened: ${first[0]}`)
    return new ServerProcess(child, value)
  }

  /** Whether the process has ended, by itself or by a signal. */
  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  ask<K extends keyof Answers>(ask: K): Promise<Answers[K]> {
    if (this.hasEnded) return Promise.reject(new Error(`The server's process ended: ${this.#child.exitCode}`))
    const id = ++this.#lastId
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve)
      this.#child.send({ id, ask } satisfies Question)
    })
  }

  async stop(): Promise<void> {
    if (this.hasEnded) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }
}
