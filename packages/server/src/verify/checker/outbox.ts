import type { Place } from './history.js'

interface Message {
  readonly clientId: string
  readonly text: string
}

interface Waiting extends Message {
  /** The cursor when it was first transmitted. */
  seen?: Place | undefined
  isInFlight: boolean
}

interface Transmission {
  readonly message: string
  readonly client_id: string
  readonly after?: string
  readonly seen?: number
}

/** Refusals after which the same message may be sent again. */
const TEMPORARY = new Set(['unavailable', 'out_of_order', 'rate_limited', 'draining', 'internal'])

/** Sends the messages of one user in one room in order, and repeats them after a loss or a refusal until they are acknowledged. */
export class Outbox {
  #waiting: Waiting[] = []
  #isOpen = false
  #hasRefusal = false
  /** The last message that was sent on this connection, and the last that was accepted. */
  #lastSent: string | undefined
  #lastAccepted: string | undefined
  #pause: NodeJS.Timeout | undefined

  constructor(
    private readonly cursor: () => Place | undefined,
    private readonly transmit: (frame: Transmission) => void,
  ) {}

  get isEmpty(): boolean {
    return this.#waiting.length === 0
  }

  get length(): number {
    return this.#waiting.length
  }

  add(message: Message): void {
    this.#waiting.push({ ...message, isInFlight: false })
    this.#flush()
  }

  /** A new connection is open. It knows nothing of what earlier ones sent. */
  open(): void {
    this.#isOpen = true
    this.#lastAccepted = undefined
    this.#resume()
  }

  /** The connection is lost. The outcome of messages in flight is unknown. */
  shut(): void {
    clearTimeout(this.#pause)
    this.#isOpen = false
    for (const message of this.#waiting) message.isInFlight = false
  }

  acked(clientId: string): void {
    this.#lastAccepted = clientId
    this.#waiting = this.#waiting.filter((message) => message.clientId !== clientId)
    this.#repeatSoon()
  }

  /** Returns whether the message will be sent again; false after a permanent refusal. */
  refused(clientId: string, code: string, retryMs: number): boolean {
    const isTemporary = TEMPORARY.has(code)
    const message = this.#waiting.find((message) => message.clientId === clientId)
    if (message) message.isInFlight = false
    if (!isTemporary) this.#waiting = this.#waiting.filter((one) => one !== message)
    this.#hasRefusal = true
    this.#repeatSoon(retryMs)
    return isTemporary
  }

  /** Waits until everything in flight is answered, which would otherwise overtake the refused message. */
  #repeatSoon(afterMs = 50): void {
    if (!this.#hasRefusal || this.#waiting.some(({ isInFlight }) => isInFlight)) return
    clearTimeout(this.#pause)
    this.#pause = setTimeout(() => this.#resume(), afterMs)
  }

  #resume(): void {
    this.#hasRefusal = false
    this.#lastSent = this.#lastAccepted
    this.#flush()
  }

  #flush(): void {
    if (!this.#isOpen || this.#hasRefusal) return
    for (const message of this.#waiting) if (!message.isInFlight) this.#send(message)
  }

  #send(message: Waiting): void {
    const cursor = this.cursor()
    const { clientId, text } = message
    const seen = this.#seenBefore(message, cursor)
    message.isInFlight = true
    message.seen = seen ?? cursor
    this.transmit({
      message: text,
      client_id: clientId,
      ...(this.#lastSent !== undefined && { after: this.#lastSent }),
      ...(seen !== undefined && { seen: seen.offset }),
    })
    this.#lastSent = clientId
  }

  /** The newest offset of the present log that was known when it was first transmitted to that [M13]. */
  #seenBefore({ seen }: Waiting, cursor: Place | undefined): Place | undefined {
    if (!cursor || seen?.epoch !== cursor.epoch) return undefined
    return seen.offset > cursor.offset ? cursor : seen
  }
}
