import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** A way through which TCP connections go for as long as it is open, to a target that may change. */
export class Gate {
  readonly port: number
  #isOpen = true
  readonly #pairs = new Set<readonly [Socket, Socket]>()

  protected constructor(
    private readonly server: Server,
    private target: number,
  ) {
    this.port = (server.address() as AddressInfo).port
    server.on('connection', (near) => this.#connect(near))
  }

  static async to(target: number): Promise<Gate> {
    return new Gate(await Gate.listen(), target)
  }

  protected static async listen(): Promise<Server> {
    const server = createServer({ noDelay: true }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    return server
  }

  /** Breaks all connections and refuses new ones, until it is opened. */
  shut(): void {
    this.#isOpen = false
    for (const sockets of this.#pairs) for (const socket of sockets) socket.resetAndDestroy()
  }

  open(target = this.target): void {
    this.target = target
    this.#isOpen = true
  }

  close(): void {
    this.shut()
    this.server.close()
  }

  /** What becomes of bytes on their way back, for each connection anew. */
  protected back(): (bytes: Buffer) => Iterable<Buffer> {
    return (bytes) => [bytes]
  }

  #connect(near: Socket): void {
    near.on('error', () => near.destroy())
    if (!this.#isOpen) return void near.resetAndDestroy()
    const far = connect({ port: this.target, host: '127.0.0.1', noDelay: true })
    const pair = [near, far] as const
    this.#pairs.add(pair)
    far.on('error', () => far.destroy())
    for (const [socket, other] of [pair, [far, near]] as const)
      socket.on('close', () => {
        other.destroy()
        this.#pairs.delete(pair)
      })
    near.pipe(far)
    const back = this.back()
    far.on('data', (bytes) => {
      for (const part of back(bytes)) if (near.writable) near.write(part)
    })
  }
}
