import type { User } from './api.js'
import { closeWith } from './closing.js'
import type { Session } from './core/session.js'
import { JoinedFrames, type Outgoing, TextFrame } from './outgoing.js'
import type { ConnectionRequest, Transport } from './transport.js'

/** One socket with the session that lives on it. */
export class Connection {
  /** Made when a handler first asks: most connections never need one. */
  #ended: AbortController | undefined
  #unsent: Outgoing[] | undefined
  #unsentSize = 0
  #state: 'open' | 'closing' | 'closed' = 'open'
  #endCode: number | undefined
  /** When the peer last showed life, monotonic; in whole ms, since V8 keeps a fraction as an object of its own. */
  aliveAt: number
  lastPingAt: number

  #isPaused = false

  constructor(
    readonly id: string,
    readonly transport: Transport,
    readonly request: ConnectionRequest,
    readonly session: Session<User>,
    private readonly backlogBytes: number,
    /** Has `flush` called with the next flush. */
    private readonly wake: (connection: Connection) => void,
    now: number,
  ) {
    this.aliveAt = now
    this.lastPingAt = now
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  /** Aborted when the connection ends, so that handlers can stop. */
  get signal(): AbortSignal {
    this.#ended ??= new AbortController()
    if (this.#state === 'closed') this.#ended.abort()
    return this.#ended.signal
  }

  send(message: object): void {
    this.write(TextFrame.of(message))
  }

  /** Sends a frame whose JSON text is made already. */
  sendText(text: string): void {
    this.write(new TextFrame(text))
  }

  /** Sends with the next flush, together with whatever else this connection gets until then. */
  write(outgoing: Outgoing): void {
    if (this.#state !== 'open') return
    if (this.#unsent) {
      this.#unsent.push(outgoing)
    } else {
      this.wake(this)
      this.#unsent = [outgoing]
    }
    this.#unsentSize += outgoing.length
    // What waits counts as well: a hundred pages made within one turn would otherwise pass unseen.
    if (this.#unsentSize > this.backlogBytes / 4) this.flush()
  }

  /** Sends now, in one write with what waits. True if all of it has left the process. */
  writeNow(outgoing: Outgoing): boolean {
    if (this.#state !== 'open') return true
    const unsent = this.#unsent
    return unsent ? this.#transmitAll([...unsent, outgoing]) : this.#transmit(outgoing)
  }

  /** Writes what waits, in one write. True if all of it has left the process. */
  flush(): boolean {
    const unsent = this.#unsent
    return unsent && this.#state === 'open' ? this.#transmitAll(unsent) : this.transport.hasLeft
  }

  #transmitAll(unsent: readonly Outgoing[]): boolean {
    this.#unsent = undefined
    this.#unsentSize = 0
    const joined = unsent.length === 1 ? undefined : new JoinedFrames(unsent)
    const hasLeft = this.#transmit(joined ?? (unsent[0] as Outgoing))
    if (hasLeft) joined?.release()
    return hasLeft
  }

  #transmit(outgoing: Outgoing): boolean {
    this.transport.write(outgoing)
    if (this.transport.backlog > this.backlogBytes) closeWith(this, 'slow_consumer')
    return this.transport.hasLeft
  }

  /** Whether the peer reads so slowly that it gets only what must not be lost. */
  get isCongested(): boolean {
    return this.transport.backlog > this.backlogBytes / 4
  }

  /** Whether nothing is read from the peer, so that it cannot be heard either. */
  get isPaused(): boolean {
    return this.#isPaused
  }

  pause(): void {
    if (this.#isPaused) return
    this.#isPaused = true
    this.transport.pause()
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.transport.resume()
  }

  /** @throws RangeError or TypeError if WebSocket does not allow the code or the reason; the connection then stays open */
  close(code: number, reason: string): void {
    if (this.#state !== 'open') return
    this.flush()
    this.transport.close(code, reason)
    this.#state = 'closing'
    this.#endCode ??= code
  }

  /** What it was closed with: our code if we closed it, since a peer need not echo it; else the peer's. */
  get endCode(): number | undefined {
    return this.#endCode
  }

  /** The socket is gone, with the peer's code. True only the first time. */
  markClosed(code: number): boolean {
    if (this.#state === 'closed') return false
    this.#state = 'closed'
    this.#endCode ??= code
    this.#ended?.abort()
    return true
  }
}
