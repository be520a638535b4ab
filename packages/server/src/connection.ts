import type { User } from './api.js'
import type { Session } from './core/session.js'
import { Outgoing } from './outgoing.js'
import type { ConnectionRequest, Transport } from './transport.js'

/** One socket with the session that lives on it. */
export class Connection {
  /** Aborted when the connection ends, so that handlers can stop. */
  readonly #ended = new AbortController()
  #state: 'open' | 'closing' | 'closed' = 'open'
  /** When the peer last showed life, monotonic. */
  aliveAt: number
  lastPingAt: number

  constructor(
    readonly id: string,
    readonly transport: Transport,
    readonly request: ConnectionRequest,
    readonly session: Session<User>,
    now: number,
  ) {
    this.aliveAt = now
    this.lastPingAt = now
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  get signal(): AbortSignal {
    return this.#ended.signal
  }

  send(message: object): void {
    this.write(Outgoing.of(message))
  }

  /** Sends a frame whose JSON text is made already. */
  sendText(text: string): void {
    this.write(new Outgoing([text]))
  }

  write(outgoing: Outgoing): void {
    if (this.#state === 'open') this.transport.send(outgoing)
  }

  close(code: number, reason: string): void {
    if (this.#state !== 'open') return
    this.#state = 'closing'
    this.transport.close(code, reason)
  }

  /** The socket is gone. True only the first time. */
  markClosed(): boolean {
    if (this.#state === 'closed') return false
    this.#state = 'closed'
    this.#ended.abort()
    return true
  }
}
