import type { ServerMessage, ServerMessageOf } from '@roomful/protocol'
import { validateServerMessage } from '@roomful/protocol/wire'
import { WebSocket } from 'ws'

export type AnyFrame = { readonly type: string; readonly [field: string]: unknown }
export type FrameOf<T extends string> = T extends ServerMessage['type'] ? ServerMessageOf<T> : AnyFrame
type Outbound = { readonly type?: unknown; readonly [field: string]: unknown }

const PATIENCE_MS = 10_000

/** A fake client on a real socket: it sends what it is told, and keeps what it gets. It runs without vitest, too. */
export class WireClient {
  /** Every frame so far, in the order in which they came. */
  readonly frames: AnyFrame[] = []
  /** How the connection ended. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>
  userId = ''
  session = ''
  readonly #taken = new WeakSet<AnyFrame>()
  #pings = 0

  constructor(readonly socket: WebSocket) {
    socket.on('message', (data) => this.frames.push(JSON.parse(data.toString())))
    // Every wait listens for a moment, and a test may wait for many things at once.
    socket.setMaxListeners(0)
    socket.on('error', () => {
      // The close event that follows tells more.
    })
    this.closed = new Promise((resolve) =>
      socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() })),
    )
  }

  /** Connects and authenticates. It ends when the test says so: see `connect` for one that ends with the test. */
  static async open(port: number, session?: string): Promise<WireClient> {
    const client = new WireClient(new WebSocket(`ws://127.0.0.1:${port}`))
    await client.next('system')
    await client.authenticate(session === undefined ? {} : { session })
    return client
  }

  send(message: Outbound): void {
    this.sendText(JSON.stringify(message))
  }

  sendText(text: string): void {
    this.socket.send(text)
  }

  /** The next frame of a type that was not taken before. Others stay for whoever asks for them. */
  async next<T extends string>(type: T): Promise<FrameOf<T>> {
    const found = () => this.frames.find((frame) => frame.type === type && !this.#taken.has(frame))
    const frame = await this.until(found, `a '${type}'`)
    this.#taken.add(frame)
    const checked = validateServerMessage(frame)
    if (!checked.ok && checked.code === 'invalid_message')
      throw new Error(`The server broke its contract: ${JSON.stringify({ frame, issues: checked.issues })}`)
    return frame as FrameOf<T>
  }

  /** All frames of a type, taken or not. */
  all(type: string): readonly AnyFrame[] {
    return this.frames.filter((frame) => frame.type === type)
  }

  /** Sends a message and takes its answer. */
  ask<T extends string>(message: Outbound, answer: T): Promise<FrameOf<T>> {
    this.send(message)
    return this.next(answer)
  }

  /**
   * Proves that no frame of a type has come. What was caused before is sent within one turn of the server's loop, so
   * that the second of two pings is answered after it.
   */
  async never(type: string): Promise<void> {
    await this.settled()
    const came = this.all(type).filter((frame) => !this.#taken.has(frame))
    if (came.length > 0) throw new Error(`Expected no '${type}', but these came: ${JSON.stringify(came)}`)
  }

  /** Resolves when all that the server had to say to what came before is here. */
  async settled(): Promise<void> {
    await this.#pingPong()
    await this.#pingPong()
  }

  /** Speaks the extensions from here on, as an earlier user if a session is given. */
  async authenticate(auth: { readonly token?: string; readonly session?: string } = {}): Promise<void> {
    const { user_id, session } = await this.ask({ type: 'auth', protocol: 1, ...auth }, 'authenticated')
    this.userId = user_id
    this.session = session
  }

  async join(room_id: string, fields: Outbound = {}): Promise<FrameOf<'joined'>> {
    return this.ask({ type: 'join', room_id, ...fields }, 'joined')
  }

  /** Sends a chat message that is acknowledged. */
  async chat(room_id: string, message: string, fields: Outbound = {}): Promise<FrameOf<'ack'>> {
    const client_id = `m${Math.random()}`
    return this.ask({ type: 'chat_message', room_id, message, client_id, ...fields }, 'ack')
  }

  /** The code of the next error. */
  async refusal(message: Outbound): Promise<string | undefined> {
    return (await this.ask(message, 'error')).code
  }

  close(code?: number): void {
    this.socket.close(code)
  }

  /** The socket is gone without a closing handshake, as when a cable is pulled. */
  async vanish(): Promise<void> {
    this.socket.terminate()
    await this.closed
  }

  /** Resolves with what `find` finds, asked after every frame. */
  async until<F>(find: () => F | undefined | false, what: string, patienceMs = PATIENCE_MS): Promise<F> {
    const signal = AbortSignal.timeout(patienceMs)
    for (;;) {
      const found = find()
      if (found !== undefined && found !== false) return found
      if (this.socket.readyState === WebSocket.CLOSED)
        throw new Error(`Closed before ${what}; ${this.#story()}`)
      if (signal.aborted) throw new Error(`Waited in vain for ${what}; ${this.#story()}`)
      await this.#news(signal)
    }
  }

  async #pingPong(): Promise<void> {
    const id = `settled-${++this.#pings}`
    this.send({ type: 'ping', id })
    const found = () => this.frames.find((frame) => frame.type === 'pong' && frame.id === id)
    this.#taken.add(await this.until(found, `the pong '${id}'`))
  }

  #news(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.socket.off('message', wake).off('close', wake)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      this.socket.on('message', wake).on('close', wake)
      signal.addEventListener('abort', wake)
    })
  }

  #story(): string {
    return `came: ${this.frames.map((frame) => JSON.stringify(frame).slice(0, 160)).join('\n')}`
  }
}
