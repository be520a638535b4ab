import { CLOSE_CODES } from '@roomful/protocol'
import type { User } from '../../api/api.js'
import type { ConnectionRequest, Transport } from '../../api/contracts/transport.js'
import type { Metrics } from '../process/metrics.js'
import type { EndOfTurn } from './end-of-turn.js'
import { type Frames, JoinedFrames, TextFrame } from './frames.js'
import type { Session } from './session.js'

/** Shared by all connections of a node. */
export interface ConnectionDeps {
  readonly backlogBytes: number
  readonly metrics: Metrics
  readonly endOfTurn: EndOfTurn
}

interface End {
  readonly code: number
  readonly reason: string
}

/** One socket, and the session on it. */
export class Connection {
  /** Created when a handler first needs it; most connections never do. */
  #ended: AbortController | undefined
  #unsent: Frames[] | undefined
  #unsentSize = 0
  #state: 'open' | 'closing' | 'closed' = 'open'
  #end: End | undefined
  /** When the peer last showed a sign of life, monotonic, in whole ms: V8 stores a fraction as a separate object. */
  aliveAt: number
  /** When the peer last sent a message other than `ping`, in whole ms. */
  activeAt: number
  lastPingAt: number

  #isPaused = false

  constructor(
    readonly id: string,
    readonly transport: Transport,
    readonly request: ConnectionRequest,
    readonly session: Session<User>,
    private readonly deps: ConnectionDeps,
    now: number,
  ) {
    this.aliveAt = now
    this.activeAt = now
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

  /** Sends a frame whose JSON text already exists. */
  sendText(text: string): void {
    this.write(new TextFrame(text))
  }

  /** Sends at the end of the turn, together with everything else that this connection gets until then. */
  write(outgoing: Frames): void {
    if (this.#state !== 'open') return
    if (this.#unsent) {
      this.#unsent.push(outgoing)
    } else {
      this.deps.endOfTurn.write(this)
      this.#unsent = [outgoing]
    }
    this.#unsentSize += outgoing.length
    // Waiting frames count as well: otherwise a hundred pages made within one turn would go unnoticed.
    if (this.#unsentSize > this.deps.backlogBytes / 4) this.flush()
  }

  /** Sends the waiting frames in one write. */
  flush(): void {
    const unsent = this.#unsent
    if (!unsent || this.#state !== 'open') return
    this.#unsent = undefined
    this.#unsentSize = 0
    const [only] = unsent
    this.#transmit(only && unsent.length === 1 ? only : new JoinedFrames(unsent))
  }

  /** The only path to the socket, so that every message is counted. */
  #transmit(outgoing: Frames): void {
    this.deps.metrics.framesOut += outgoing.count
    const { transport } = this
    if (transport.sendFrames) transport.sendFrames(outgoing.bytes)
    else for (const text of outgoing.texts) transport.send(text)
    const { code, reason } = CLOSE_CODES.slow_consumer
    if (transport.bufferedAmount > this.deps.backlogBytes) this.close(code, reason)
  }

  /** Whether the peer reads so slowly that it should get only what must not be lost. */
  get isCongested(): boolean {
    return this.transport.bufferedAmount > this.deps.backlogBytes / 4
  }

  /** Whether reading from the peer is paused, so that its signs of life are not seen either. */
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

  /**
   * @throws RangeError or TypeError if WebSocket does not allow the code or the reason; the connection then stays
   * open
   */
  close(code: number, reason: string): void {
    if (this.#state !== 'open') return
    this.flush()
    this.transport.close(code, reason)
    this.#state = 'closing'
    this.#end = { code, reason }
  }

  /**
   * The code and reason of the end: ours if we closed the connection, since a peer need not echo them; otherwise the
   * peer's.
   */
  get end(): End | undefined {
    return this.#end
  }

  /**
   * The socket is gone, with the peer's code and reason. Returns how the connection ended, but only the first time.
   */
  markClosed(code: number, reason: string): End | undefined {
    if (this.#state === 'closed') return undefined
    this.#state = 'closed'
    this.#end ??= { code, reason }
    this.#ended?.abort()
    return this.#end
  }
}
