import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** What becomes of bytes on their way. */
export type Passage = (bytes: Buffer) => Iterable<Buffer>

/** A TCP proxy whose connections fail, and lead elsewhere, when a test says so. */
export class TcpProxy {
  readonly port: number
  readonly #wires = new Set<Wire>()
  #isOpen = true

  private constructor(
    private readonly server: Server,
    private target: number,
    private readonly toClient: () => Passage,
  ) {
    this.port = (server.address() as AddressInfo).port
    server.on('connection', (near) => this.#connect(near))
  }

  /** `toClient` makes, for each connection anew, what becomes of the target's bytes. */
  static async to(target: number, toClient: () => Passage = () => (bytes) => [bytes]): Promise<TcpProxy> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new TcpProxy(server, target, toClient)
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`
  }

  get redisUrl(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  /** Connections that are open, oldest first. */
  get wires(): readonly Wire[] {
    return [...this.#wires]
  }

  /** Resets every connection; new ones are let through. */
  cut(): void {
    for (const wire of this.#wires) wire.cut()
  }

  /** Resets every connection, and refuses new ones until it is opened. */
  shut(): void {
    this.#isOpen = false
    this.cut()
  }

  open(target = this.target): void {
    this.target = target
    this.#isOpen = true
  }

  /** Resets every connection; new ones lead to another target. */
  switchTo(target: number): void {
    this.open(target)
    this.cut()
  }

  /** Every connection is whole and fast again. Those that lost something stay lost. */
  heal(): void {
    for (const wire of this.#wires) wire.heal()
  }

  close(): void {
    this.cut()
    this.server.close()
  }

  #connect(near: Socket): void {
    if (!this.#isOpen) {
      near.on('error', () => near.destroy()).resetAndDestroy()
      return
    }
    const far = connect(this.target, '127.0.0.1')
    const wire = new Wire(near, far, this.toClient(), () => this.#wires.delete(wire))
    this.#wires.add(wire)
  }
}

export type Direction = 'to_server' | 'to_client' | 'both'

/** One connection through the proxy: two sockets, and what is done to the bytes between them. */
export class Wire {
  readonly #toServer: Half
  readonly #toClient: Half

  constructor(
    private readonly near: Socket,
    private readonly far: Socket,
    toClient: Passage,
    closed: () => void,
  ) {
    this.#toServer = new Half(near, far, (bytes) => [bytes])
    this.#toClient = new Half(far, near, toClient)
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      socket.setNoDelay(true)
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        other.destroy()
        closed()
      })
    }
  }

  /** Both ends get a reset. */
  cut(): void {
    this.near.resetAndDestroy()
    this.far.resetAndDestroy()
  }

  /** Bytes vanish, and neither end notices. */
  halfOpen(direction: Direction): void {
    if (direction !== 'to_client') this.#toServer.isSwallowing = true
    if (direction !== 'to_server') this.#toClient.isSwallowing = true
  }

  /** Nothing is read from one end or both, so that it backs up in the sender. */
  stall(direction: Direction): void {
    if (direction !== 'to_client') this.#toServer.stall(true)
    if (direction !== 'to_server') this.#toClient.stall(true)
  }

  /** Bytes arrive that much later, each way. */
  latency(ms: number): void {
    this.#toServer.latencyMs = ms
    this.#toClient.latencyMs = ms
  }

  heal(): void {
    this.latency(0)
    this.#toServer.stall(false)
    this.#toClient.stall(false)
    // What was swallowed is gone: such a connection cannot go on.
    if (this.#toServer.isSwallowing || this.#toClient.isSwallowing) this.cut()
  }
}

/** One direction of a connection. */
class Half {
  isSwallowing = false
  latencyMs = 0
  #isStalled = false
  #isFull = false
  #freeAt = 0

  constructor(
    private readonly from: Socket,
    private readonly to: Socket,
    passage: Passage,
  ) {
    from.on('data', (bytes) => {
      for (const part of passage(bytes)) this.#carry(part)
    })
    from.on('end', () => to.end())
    to.on('drain', () => {
      this.#isFull = false
      this.#flow()
    })
  }

  stall(isStalled: boolean): void {
    this.#isStalled = isStalled
    this.#flow()
  }

  #carry(bytes: Buffer): void {
    if (this.isSwallowing) return
    const now = performance.now()
    // Never before what was read earlier, also when the latency falls.
    this.#freeAt = Math.max(this.#freeAt, now + this.latencyMs)
    if (this.#freeAt <= now) this.#write(bytes)
    else setTimeout(() => this.#write(bytes), this.#freeAt - now)
  }

  #write(bytes: Buffer): void {
    if (!this.to.writable) return
    this.#isFull = !this.to.write(bytes)
    this.#flow()
  }

  #flow(): void {
    if (this.#isStalled || this.#isFull) this.from.pause()
    else this.from.resume()
  }
}
