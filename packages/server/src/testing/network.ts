import type { Clock } from '../api/contracts/clock.js'
import type { ConnectionRequest, Transport, TransportEvents } from '../api/contracts/transport.js'
import { Pipe } from './pipe.js'

/** Accepts connections. */
export interface Host {
  refusal(remoteAddress: string): { readonly why: string } | undefined
  accept(transport: Transport, request: ConnectionRequest): TransportEvents
}

/** The events at a client's end of a link. `closed` comes once, and is the last. */
export interface LinkHandlers {
  opened(): void
  received(text: string): void
  closed(code: number, reason: string): void
}

/** The client's end of a link. */
export interface ClientEnd {
  /** Returns false once the link is closing. */
  send(text: string): boolean
  sendBinary(data: Uint8Array): boolean
  /** Does not cause `closed`. */
  close(code: number, reason: string): void
  readonly link: Link
}

const ABNORMAL = 1006
const CLOSE_TIMEOUT_MS = 5_000

/** Sockets in memory: links to one host, each with faults on demand. */
export class Network<C extends Clock = Clock> {
  #host: Host | undefined
  readonly #links = new Set<Link>()

  constructor(readonly clock: C) {}

  /** Sets the host that accepts connections. Without one, connecting fails. */
  serve(host: Host | undefined): void {
    this.#host = host
  }

  /** The open links, oldest first. */
  get links(): readonly Link[] {
    return [...this.#links]
  }

  connect(url: string, handlers: LinkHandlers, headers: ConnectionRequest['headers'] = {}): ClientEnd {
    const request = { url: pathOf(url), headers, remoteAddress: '127.0.0.1' }
    const link = new Link(this.clock, handlers, () => this.#links.delete(link))
    this.clock.soon(() => {
      if (link.isClosed) return
      if (!this.#host || this.#host.refusal(request.remoteAddress)) return link.cut()
      this.#links.add(link)
      link.open(this.#host, request)
    })
    return link.clientEnd
  }

  /** Breaks every link at once, as when the host's process dies. */
  crash(): void {
    this.#host = undefined
    for (const link of this.links) link.cut()
  }
}

type ToServer =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'binary'; readonly data: Uint8Array }
  | { readonly kind: 'pong' }
  | { readonly kind: 'close'; readonly code: number; readonly reason: string }
type ToClient =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'ping' }
  | { readonly kind: 'close'; readonly code: number; readonly reason: string }

/** One connection, and the faults that it can have. */
export class Link {
  readonly #toServer: Pipe<ToServer>
  readonly #toClient: Pipe<ToClient>
  #events: TransportEvents | undefined
  #server: 'open' | 'closing' | 'closed' = 'open'
  #client: 'open' | 'closed' = 'open'

  constructor(
    private readonly clock: Clock,
    private readonly handlers: LinkHandlers,
    private readonly ended: () => void,
  ) {
    this.#toServer = new Pipe(clock, (frame) => this.#atServer(frame))
    this.#toClient = new Pipe(clock, (frame) => this.#atClient(frame))
  }

  get isClosed(): boolean {
    return this.#client === 'closed'
  }

  open(host: Host, request: ConnectionRequest): void {
    this.handlers.opened()
    this.#events = host.accept(this.#transport(), request)
  }

  /** Breaks the connection; both ends notice at once. */
  cut(): void {
    this.#endServer(ABNORMAL, '')
    this.#endClient(ABNORMAL, '')
  }

  /** From now on nothing arrives, in one direction or both, and neither end notices. */
  halfOpen(direction: 'to_server' | 'to_client' | 'both' = 'both'): void {
    if (direction !== 'to_client') this.#toServer.swallow()
    if (direction !== 'to_server') this.#toClient.swallow()
  }

  /** Frames take this long in each direction. */
  delay(ms: number): void {
    this.#toServer.delayMs = ms
    this.#toClient.delayMs = ms
  }

  /** Makes the client stop reading, until `false`: the server's backlog grows. */
  slow(isSlow: boolean): void {
    this.#toClient.hold(isSlow)
  }

  /** The next frame from the client arrives twice. */
  duplicateNext(): void {
    this.#toServer.duplicateNext()
  }

  /** The next frame in one direction is lost together with the connection. */
  dropNext(direction: 'to_server' | 'to_client'): void {
    if (direction === 'to_server') this.#toServer.dropNext(() => this.cut())
    else this.#toClient.dropNext(() => this.cut())
  }

  get clientEnd(): ClientEnd {
    const push = (frame: ToServer, bytes: number) => {
      if (this.#client === 'closed') return false
      this.#toServer.push(frame, bytes)
      return true
    }
    return {
      link: this,
      send: (text) => push({ kind: 'text', text }, text.length),
      sendBinary: (data) => push({ kind: 'binary', data }, data.length),
      close: (code, reason) => {
        if (this.#client === 'closed') return
        this.#client = 'closed'
        this.#toServer.push({ kind: 'close', code, reason }, 0)
      },
    }
  }

  #transport(): Transport {
    const link = this
    return {
      send(text) {
        if (link.#server === 'open') link.#toClient.push({ kind: 'text', text }, text.length)
      },
      ping: () => link.#toClient.push({ kind: 'ping' }, 0),
      close: (code, reason) => link.#startClosing(code, reason),
      terminate: () => link.cut(),
      pause: () => link.#toServer.hold(true),
      resume: () => link.#toServer.hold(false),
      get bufferedAmount() {
        return link.#toClient.heldBytes
      },
    }
  }

  #startClosing(code: number, reason: string): void {
    if (this.#server !== 'open') return
    this.#server = 'closing'
    this.#toClient.push({ kind: 'close', code, reason }, 0)
    // A peer that never answers must not keep the connection open.
    this.clock.after(CLOSE_TIMEOUT_MS, () => this.cut())
  }

  #atServer(frame: ToServer): void {
    if (this.#server === 'closed') return
    switch (frame.kind) {
      case 'text':
        this.#events?.text(frame.text, Buffer.byteLength(frame.text))
        break
      case 'binary':
        this.#events?.binary(frame.data)
        break
      case 'pong':
        this.#events?.pong(new Uint8Array())
        break
      case 'close':
        this.#endServer(frame.code, frame.reason)
        break
    }
  }

  #atClient(frame: ToClient): void {
    switch (frame.kind) {
      case 'text':
        if (this.#client === 'open') this.handlers.received(frame.text)
        break
      case 'ping':
        this.#toServer.push({ kind: 'pong' }, 0)
        break
      case 'close':
        this.#endClient(frame.code, frame.reason)
        this.#toServer.push({ kind: 'close', code: frame.code, reason: frame.reason }, 0)
        break
    }
  }

  #endServer(code: number, reason: string): void {
    if (this.#server === 'closed') return
    this.#server = 'closed'
    this.#toServer.swallow()
    this.ended()
    this.#events?.close(code, reason)
  }

  #endClient(code: number, reason: string): void {
    if (this.#client === 'closed') return
    this.#client = 'closed'
    this.handlers.closed(code, reason)
  }
}

function pathOf(url: string): string {
  const { pathname, search } = new URL(url, 'ws://test')
  return pathname + search
}
