import { once } from 'node:events'
import { WebSocket } from 'ws'
import type { Target } from '../target.js'

const CONNECT_MS = 10_000
const KEPT = 200
const FRAME_BYTES = 2 ** 22

/** A frame of the server, with the fields that the diagnosis reads. */
export interface Frame {
  readonly type?: string
  readonly message?: string
  readonly protocol?: number
  readonly timestamp?: string
  readonly id?: string
  readonly ref?: string
  readonly client_id?: string
  readonly code?: string
  readonly user_id?: string
  readonly durability?: string
  readonly reconnect_after_ms?: number
  readonly retry_after_ms?: number
  readonly ping_interval_ms?: number
  readonly limits?: Readonly<Record<string, number | null>>
}

export interface Arrival {
  readonly frame: Frame
  /** By `performance.now()`. */
  readonly at: number
  /** The beginning of the text. */
  readonly text: string
}

export interface Ending {
  readonly code: number
  readonly reason: string
  readonly at: number
}

export function openSocket({ url, origin, headers }: Target, perMessageDeflate = false): WebSocket {
  return new WebSocket(url, {
    origin,
    headers,
    perMessageDeflate,
    handshakeTimeout: CONNECT_MS,
    maxPayload: FRAME_BYTES,
  })
}

/** One plain connection. It answers pings as a browser does, and no more than it is told to. */
export class Peer {
  readonly arrivals: Arrival[] = []
  /** Pings of the server. */
  pings = 0
  ending: Ending | undefined
  /** When anything came last. */
  heardAt = performance.now()
  readonly #wakers = new Set<() => void>()

  private constructor(private readonly socket: WebSocket) {
    socket.on('message', (data) => this.#take(data.toString()))
    socket.on('ping', () => {
      this.pings++
      this.heardAt = performance.now()
    })
    socket.on('error', () => {
      // The close event that follows ends it.
    })
    socket.on('close', (code, reason) => {
      this.ending = { code, reason: reason.toString().slice(0, 120), at: performance.now() }
      this.#wake()
    })
  }

  /** @throws Error if there is no WebSocket */
  static async open(target: Target): Promise<Peer> {
    const socket = openSocket(target)
    const peer = new Peer(socket)
    await once(socket, 'open')
    peer.heardAt = performance.now()
    return peer
  }

  send(message: object): void {
    this.socket.send(JSON.stringify(message))
  }

  /** The first that is right, of all that have come or will; `undefined` after a time-out, and when the connection ends. */
  async next(isRight: (frame: Frame) => boolean, patienceMs: number): Promise<Arrival | undefined> {
    const find = () => this.arrivals.find(({ frame }) => isRight(frame))
    await this.until(() => find() !== undefined || this.ending !== undefined, patienceMs)
    return find()
  }

  /** Resolves when a condition is true, or after a time-out. */
  until(isTrue: () => boolean, patienceMs: number, signal?: AbortSignal): Promise<void> {
    if (isTrue() || signal?.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const stop = () => {
        clearTimeout(timer)
        this.#wakers.delete(wake)
        signal?.removeEventListener('abort', stop)
        resolve()
      }
      const wake = () => {
        if (isTrue()) stop()
      }
      const timer = setTimeout(stop, patienceMs)
      this.#wakers.add(wake)
      signal?.addEventListener('abort', stop)
    })
  }

  close(): void {
    this.socket.terminate()
  }

  #take(text: string): void {
    this.heardAt = performance.now()
    this.arrivals.push({ frame: read(text), at: this.heardAt, text: text.slice(0, 120) })
    if (this.arrivals.length > KEPT) this.arrivals.shift()
    this.#wake()
  }

  #wake(): void {
    for (const wake of [...this.#wakers]) wake()
  }
}

/** An empty frame for what is no object of JSON. */
function read(text: string): Frame {
  try {
    const frame: unknown = JSON.parse(text)
    return typeof frame === 'object' && frame !== null ? frame : {}
  } catch {
    return {}
  }
}
