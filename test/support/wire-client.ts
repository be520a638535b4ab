import { once } from 'node:events'
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { ServerMessage, ServerMessageOf } from '@roomful/protocol'
import { validateServerMessage } from '@roomful/protocol/wire'
import { expect, onTestFinished } from 'vitest'
import { type ClientOptions, WebSocket } from 'ws'

type AnyFrame = { readonly type: string; readonly [field: string]: unknown }
export type FrameOf<T extends string> = T extends ServerMessage['type'] ? ServerMessageOf<T> : AnyFrame
type Outbound = { readonly type?: unknown; readonly [field: string]: unknown }

const PATIENCE_MS = 10_000

/** A client that speaks frames, and nothing else. */
export class WireClient {
  /** Every frame so far, in the order in which they came. */
  readonly frames: AnyFrame[] = []
  /** How the connection ended. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>
  #taken = new Set<AnyFrame>()
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

  send(message: Outbound): void {
    this.sendText(JSON.stringify(message))
  }

  sendText(text: string): void {
    this.socket.send(text)
  }

  /** The next frame of a type that was not taken before. Others stay for whoever asks for them. */
  async next<T extends string>(type: T): Promise<FrameOf<T>> {
    const found = () => this.frames.find((frame) => frame.type === type && !this.#taken.has(frame))
    const frame = await this.#until(found, `a '${type}'`)
    this.#taken.add(frame)
    const checked = validateServerMessage(frame)
    if (!checked.ok && checked.code === 'invalid_message')
      throw new Error(`The server broke its contract: ${JSON.stringify({ frame, issues: checked.issues })}`)
    return frame as FrameOf<T>
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
    expect(this.frames.filter((frame) => frame.type === type && !this.#taken.has(frame))).toEqual([])
  }

  /** Resolves when all that the server had to say to what came before is here. */
  async settled(): Promise<void> {
    await this.#pingPong()
    await this.#pingPong()
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

  async #pingPong(): Promise<void> {
    const id = `settled-${++this.#pings}`
    this.send({ type: 'ping', id })
    const found = () => this.frames.find((frame) => frame.type === 'pong' && frame.id === id)
    this.#taken.add(await this.#until(found, `the pong '${id}'`))
  }

  async #until<F>(find: () => F | undefined, what: string): Promise<F> {
    const signal = AbortSignal.timeout(PATIENCE_MS)
    for (;;) {
      const found = find()
      if (found !== undefined) return found
      if (this.socket.readyState === WebSocket.CLOSED)
        throw new Error(`Closed before ${what}; ${this.#story()}`)
      if (signal.aborted) throw new Error(`Waited in vain for ${what}; ${this.#story()}`)
      await this.#news(signal)
    }
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

/** Opens a connection and waits for its greeting, or its end. It ends with the test. */
export async function connect(url: string, options: ClientOptions = {}): Promise<WireClient> {
  const client = dial(url, options)
  await client.next('system')
  return client
}

/** Opens a connection and waits for nothing. */
export function dial(url: string, options: ClientOptions = {}): WireClient {
  const client = new WireClient(new WebSocket(url, options))
  onTestFinished(() => client.socket.terminate())
  return client
}

/** Opens a connection that speaks the extensions. */
export async function connectExtended(
  url: string,
  auth: { readonly token?: string; readonly session?: string } = {},
): Promise<WireClient & { readonly userId: string; readonly session: string }> {
  const client = await connect(url)
  const { user_id, session } = await client.ask({ type: 'auth', protocol: 1, ...auth }, 'authenticated')
  return Object.assign(client, { userId: user_id, session })
}

/** The HTTP status that an upgrade was refused with. */
export async function refusedStatus(url: string, options: ClientOptions = {}): Promise<number | undefined> {
  return (await refusedUpgrade(url, options)).status
}

/** The HTTP answer that refuses an upgrade. */
export async function refusedUpgrade(url: string, options: ClientOptions = {}): Promise<RefusedUpgrade> {
  const socket = new WebSocket(url, options)
  socket.on('error', () => {
    // ws tells it as an error too.
  })
  const [request, response] = (await once(socket, 'unexpected-response')) as [ClientRequest, IncomingMessage]
  let text = ''
  for await (const chunk of response) text += chunk
  request.destroy()
  return { status: response.statusCode, headers: response.headers, text }
}

export interface RefusedUpgrade {
  readonly status: number | undefined
  readonly headers: IncomingHttpHeaders
  readonly text: string
}
