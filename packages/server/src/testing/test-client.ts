import { type JsonObject, PROTOCOL_VERSION, parseFrame } from '@roomful/protocol'
import type { ClientEnd, Link, Network } from './network.js'
import type { VirtualClock } from './virtual-clock.js'

export interface ConnectOptions {
  /** Sent in the `auth` frame. */
  readonly token?: string
  /** From an earlier `authenticated`, to be the same anonymous user again. */
  readonly session?: string
  /** Whether to send `auth`. @default true; with false, the client speaks only base messages */
  readonly auth?: boolean
  /** Path and query of the request. @default '/' */
  readonly url?: string
  readonly headers?: Readonly<Record<string, string>>
}

export type ReceivedFrame = JsonObject & { readonly type: string }

/**
 * How many macrotasks `next` waits for a frame while virtual time stands still: enough for cryptography outside the
 * main thread.
 */
const PATIENCE = 2_000

/** A fake client: it sends exactly what a test passes, and records everything that it receives. */
export class TestClient {
  /** Everything that arrived, in order. */
  readonly frames: ReceivedFrame[] = []
  /** How the connection ended. */
  closed: { readonly code: number; readonly reason: string } | undefined
  readonly #end: ClientEnd
  #taken = 0

  constructor(
    private readonly network: Network<VirtualClock>,
    options: ConnectOptions,
  ) {
    this.#end = network.connect(
      options.url ?? '/',
      {
        opened: () => {},
        received: (text) => this.#receive(text),
        closed: (code, reason) => {
          this.closed = { code, reason }
        },
      },
      options.headers,
    )
  }

  /** Its link, for faults. */
  get link(): Link {
    return this.#end.link
  }

  /** Sends a message, or any raw text. */
  send(message: object | string): void {
    this.#end.send(typeof message === 'string' ? message : JSON.stringify(message))
  }

  sendBinary(data: Uint8Array): void {
    this.#end.sendBinary(data)
  }

  close(code = 1000, reason = ''): void {
    this.#end.close(code, reason)
  }

  authenticate({ token, session }: Pick<ConnectOptions, 'token' | 'session'> = {}): void {
    this.send({ type: 'auth', protocol: PROTOCOL_VERSION, token, session })
  }

  /** Joins a room and returns the `joined` frame. */
  async join(roomId: string, options: object = {}): Promise<ReceivedFrame> {
    this.send({ type: 'join', room_id: roomId, ...options })
    return this.next('joined')
  }

  /**
   * Returns the next frame of a type, or of any type, after the one returned last; frames in between are skipped.
   * @throws Error if none arrives while virtual time stands still; it lists the frames that did
   */
  async next(type?: string): Promise<ReceivedFrame> {
    const from = this.#taken
    for (let round = 0; round < PATIENCE; round++) {
      while (this.#taken < this.frames.length) {
        const frame = this.frames[this.#taken++]
        if (frame && (type === undefined || frame.type === type)) return frame
      }
      if (this.closed) break
      await this.network.clock.settle()
    }
    const came = this.frames.slice(from).map((frame) => JSON.stringify(frame))
    const end = this.closed ? `, then the connection closed with ${this.closed.code}` : ''
    throw new Error(
      `Expected a frame of type '${type ?? 'any'}', but ${came.length ? came.join('\n') : 'nothing'} came${end}`,
    )
  }

  #receive(text: string): void {
    const parsed = parseFrame(text)
    if (!parsed.ok) throw new Error(`The server sent a frame that is no message: ${text}`)
    this.frames.push(parsed.frame)
  }
}
