import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

const CHECK_MS = 500

/**
 * A TCP load balancer: hands each connection to the next backend in turn, whoever it was before, and does not look at
 * what passes through. A backend whose `/readyz` is not 200 gets no connection while another one is ready.
 */
export class Balancer {
  readonly port: number
  readonly #ready = new Set<number>()
  readonly #open = new Set<Socket>()
  readonly #checks: NodeJS.Timeout
  #turn = 0

  private constructor(
    private readonly server: Server,
    private readonly backends: readonly number[],
  ) {
    this.port = (server.address() as AddressInfo).port
    server.on('connection', (near) => void this.#serve(near))
    this.#checks = setInterval(() => void this.check(), CHECK_MS)
  }

  /** @param backends ports on this machine */
  static async listen(backends: readonly number[], port = 0, host = '127.0.0.1'): Promise<Balancer> {
    const server = createServer({ pauseOnConnect: true, noDelay: true }).listen(port, host)
    await once(server, 'listening')
    const balancer = new Balancer(server, backends)
    await balancer.check()
    return balancer
  }

  /** Asks every backend whether it is ready. */
  async check(): Promise<void> {
    await Promise.all(
      this.backends.map(async (port) => {
        if (await isReady(port)) this.#ready.add(port)
        else this.#ready.delete(port)
      }),
    )
  }

  close(): void {
    clearInterval(this.#checks)
    for (const socket of this.#open) socket.destroy()
    this.server.close()
  }

  async #serve(near: Socket): Promise<void> {
    this.#open.add(near)
    near.on('close', () => this.#open.delete(near))
    near.on('error', () => near.destroy())
    for (const port of this.#inTurn()) {
      const far = await dial(port)
      if (far && near.destroyed) far.destroy()
      else if (far) join(near, far)
      if (far) return
    }
    near.destroy()
  }

  /** Those that are ready first. If nobody is, anybody may still be better than a refusal. */
  #inTurn(): readonly number[] {
    const turn = this.#turn++ % this.backends.length
    const all = [...this.backends.slice(turn), ...this.backends.slice(0, turn)]
    return [...all.filter((port) => this.#ready.has(port)), ...all.filter((port) => !this.#ready.has(port))]
  }
}

async function isReady(port: number): Promise<boolean> {
  try {
    const { status } = await fetch(`http://127.0.0.1:${port}/readyz`, {
      signal: AbortSignal.timeout(CHECK_MS),
    })
    return status === 200
  } catch {
    return false
  }
}

async function dial(port: number): Promise<Socket | undefined> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(socket)).once('error', () => resolve(undefined))
  })
}

/** The end of one is the end of the other: a client must learn at once that its node died. */
function join(near: Socket, far: Socket): void {
  near.pipe(far)
  far.pipe(near)
  near.on('close', () => far.destroy())
  far.on('error', () => far.destroy())
  far.on('close', () => near.destroy())
}
