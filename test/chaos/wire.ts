import { once } from 'node:events'
import { WebSocket } from 'ws'

export interface Frame {
  readonly type: string
  readonly [field: string]: unknown
}

const PATIENCE_MS = 20_000

/** A connection that sends frames as they are written and keeps what it gets, for what no real client would do. */
export class Wire {
  /** What came since it was last emptied. */
  readonly frames: Frame[] = []
  userId = ''
  session = ''
  #wake = () => {}

  private constructor(readonly socket: WebSocket) {
    socket.on('message', (data) => {
      this.frames.push(JSON.parse(String(data)))
      this.#wake()
    })
    // The close event that follows wakes whoever waits.
    socket.on('error', () => {})
    socket.on('close', () => this.#wake())
  }

  /** Connects and authenticates, as an earlier user if a session is given. */
  static async open(port: number, session?: string): Promise<Wire> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`)
    const wire = new Wire(socket)
    await once(socket, 'open')
    wire.send({ type: 'auth', protocol: 1, ...(session && { session }) })
    const authenticated = await wire.first('authenticated')
    wire.userId = String(authenticated.user_id)
    wire.session = String(authenticated.session)
    return wire
  }

  send(message: Frame): void {
    this.socket.send(JSON.stringify(message))
  }

  /** The first frame of a type that came, or will. */
  first(type: string): Promise<Frame> {
    return this.until(() => this.frames.find((frame) => frame.type === type), `a '${type}'`)
  }

  all(type: string): readonly Frame[] {
    return this.frames.filter((frame) => frame.type === type)
  }

  /** Resolves with what `find` finds, asked after every frame. */
  async until<T>(find: () => T | undefined | false, what: string, patienceMs = PATIENCE_MS): Promise<T> {
    const deadline = AbortSignal.timeout(patienceMs)
    for (;;) {
      const found = find()
      if (found !== undefined && found !== false) return found
      if (deadline.aborted || this.socket.readyState === WebSocket.CLOSED)
        throw new Error(`Waited in vain for ${what}; came: ${JSON.stringify(this.frames.slice(-5))}`)
      await this.#news(deadline)
    }
  }

  async join(roomId: string, fields: object = {}): Promise<Frame> {
    this.send({ type: 'join', room_id: roomId, ...fields })
    return this.first('joined')
  }

  /** The socket is gone without a closing handshake. */
  vanish(): void {
    this.socket.terminate()
  }

  #news(deadline: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        deadline.removeEventListener('abort', wake)
        resolve()
      }
      deadline.addEventListener('abort', wake)
      this.#wake = wake
    })
  }
}
