import { fork } from 'node:child_process'
import { once } from 'node:events'

const RESTART_MS = 3_000

/** Runs a node in a process of its own, and starts it again when it has died. */
export class Supervisor {
  #port = 0

  constructor(
    private readonly name: string,
    private readonly redisUrl: string,
  ) {}

  /** Returns the port that the node has, also after a restart. */
  async start(): Promise<number> {
    const node = fork(new URL('node.ts', import.meta.url), {
      env: { ...process.env, NODE_NAME: this.name, REDIS_URL: this.redisUrl, PORT: String(this.#port) },
    })
    node.once('exit', (code, signal) => {
      console.log(
        `Node ${this.name} ended by ${signal ?? `exit(${code})`}; it starts again in ${RESTART_MS} ms`,
      )
      setTimeout(() => void this.start(), RESTART_MS)
    })
    const [port] = await once(node, 'message')
    console.log(`Node ${this.name} is up`)
    this.#port = Number(port)
    return this.#port
  }
}
