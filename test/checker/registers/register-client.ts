import { randomBytes } from 'node:crypto'
import { WebSocket } from 'ws'
import type { Random } from '../../sim/random.js'
import type { Operation } from './operations.js'

export interface Message {
  readonly offset: number
  readonly id: string
}

/** What all clients of one user know: one writes what another one reads. */
export interface Shared {
  readonly room: string
  readonly ports: readonly number[]
  readonly messages: Message[]
  readonly history: Operation[]
  readonly complaints: string[]
  /** By it, a client is the same user as the others. */
  session: string | undefined
  operations: number
  repeats: number
}

interface Frame {
  readonly type: string
  readonly [field: string]: unknown
}

interface Shown {
  readonly offset: number
  readonly id: string
  readonly message?: string
  readonly deleted?: boolean
  readonly version?: number
}

type Asked = Pick<Operation, 'kind' | 'text'> & {
  readonly frame: Frame
  readonly target: Message | undefined
}

const TEMPORARY = new Set(['unavailable', 'rate_limited', 'draining', 'internal', 'outcome_unknown'])
const RETRY_MS = 50
let texts = 0

/** A client of the wire that does one thing after the other, and asks again, with the same ids, until it has an answer. */
export class RegisterClient {
  isDone = false
  #socket: WebSocket | undefined
  #node = 0
  #isLive = false
  #isOver = false
  #asked: { readonly what: Asked; readonly at: number; transmissions: number } | undefined
  #redial: NodeJS.Timeout | undefined

  constructor(
    readonly name: string,
    private readonly shared: Shared,
    private readonly random: Random,
    private readonly isEnough: () => boolean,
    /** What it only reads, one message after the other. */
    private readonly toRead?: Message[],
  ) {
    this.#dial()
  }

  cut(): void {
    this.#socket?.terminate()
  }

  close(): void {
    this.#isOver = true
    clearTimeout(this.#redial)
    this.#socket?.terminate()
  }

  #dial(): void {
    this.#node = this.random.pick(this.shared.ports)
    const socket = new WebSocket(`ws://127.0.0.1:${this.#node}`)
    this.#socket = socket
    socket.on('message', (data) => {
      if (socket === this.#socket && socket.readyState === WebSocket.OPEN)
        this.#take(JSON.parse(String(data)))
    })
    // The close event that follows makes it dial again.
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#isLive = false
      if (!this.#isOver) this.#redial = setTimeout(() => this.#dial(), this.random.between(5, 100))
    })
  }

  #take(frame: Frame): void {
    const { shared } = this
    if (frame.type === 'system') this.#send({ type: 'auth', protocol: 1, session: shared.session })
    else if (frame.type === 'authenticated') {
      shared.session ??= String(frame.session)
      this.#send({ type: 'join', room_id: shared.room })
    } else if (frame.type === 'joined') {
      this.#isLive = true
      if (this.#asked) this.#transmit()
      else this.#next()
    } else if (frame.type === 'ack' && frame.client_id === this.#asked?.what.frame.client_id)
      this.#acked(frame)
    else if (frame.type === 'history' && frame.ref === this.#asked?.what.frame.ref) this.#read(frame)
    else if (frame.type === 'error') this.#refused(frame)
  }

  #next(): void {
    this.#asked = undefined
    const what = this.toRead ? this.#readOf(this.toRead.pop()) : this.isEnough() ? undefined : this.#draw()
    this.isDone = what === undefined
    if (what) this.#asked = { what, at: performance.now(), transmissions: 0 }
    this.#transmit()
  }

  #transmit(): void {
    if (!this.#asked || !this.#isLive) return
    if (this.#asked.transmissions++ === 1) this.shared.repeats++
    this.#send(this.#asked.what.frame)
  }

  /** Mostly of the newest messages, so that many clients are at the same ones. */
  #draw(): Asked | undefined {
    const { random, shared } = this
    const kind = random.next()
    const client_id = randomBytes(12).toString('base64url')
    const envelope = { room_id: shared.room, client_id }
    const recent = shared.messages.slice(random.next() < 0.9 ? -4 : -40)
    const text = `text ${++texts}`
    if (recent.length === 0 || kind < 0.08)
      return {
        kind: 'write',
        text,
        target: undefined,
        frame: { type: 'chat_message', message: text, ...envelope },
      }
    const { offset, id } = random.pick(recent)
    const target = { offset, id }
    if (kind < 0.5)
      return {
        kind: 'write',
        text,
        target,
        frame: { type: 'edit_message', message: text, target, ...envelope },
      }
    if (kind < 0.54)
      return { kind: 'write', text: '', target, frame: { type: 'delete_message', target, ...envelope } }
    return kind < 0.75 ? this.#readOf(target) : this.#readOf(target, { before: offset + 1, limit: 5 })
  }

  #readOf(target: Message | undefined, range: object = { around: target, limit: 1 }): Asked | undefined {
    const ref = randomBytes(12).toString('base64url')
    const frame = { type: 'history', room_id: this.shared.room, ref, ...range }
    return target && { kind: 'read', text: '', target, frame }
  }

  #acked({ offset, id }: Frame): void {
    if (!this.#asked) return
    const { what } = this.#asked
    const place = { offset: Number(offset), id: String(id) }
    if (!what.target) this.shared.messages.push(place)
    this.#record({ register: (what.target ?? place).id, text: what.text, version: place.offset })
    this.#next()
  }

  #read({ messages }: Frame): void {
    for (const { id, offset, message = '', deleted, version = offset } of messages as readonly Shown[])
      this.#record({ register: id, text: deleted ? '' : message, version })
    this.#next()
  }

  #refused({ code, client_id, ref }: Frame): void {
    const { frame, target } = this.#asked?.what ?? {}
    const isMine = frame !== undefined && (client_id ?? ref) === (frame.client_id ?? frame.ref)
    if (isMine && code === 'deleted' && target) {
      this.#record({ register: target.id, text: this.#asked?.what.text ?? '', version: undefined })
      this.#next()
      return
    }
    if (!TEMPORARY.has(String(code)))
      this.shared.complaints.push(`${this.name} was told '${code}' for ${frame?.type}`)
    if (this.#isLive) setTimeout(() => this.#transmit(), RETRY_MS)
    else this.cut()
  }

  #record(seen: Pick<Operation, 'register' | 'text' | 'version'>): void {
    if (!this.#asked) return
    const { what, at } = this.#asked
    this.shared.operations++
    const times = { askedAt: at, answeredAt: performance.now() }
    this.shared.history.push({ client: this.name, node: this.#node, kind: what.kind, ...times, ...seen })
  }

  #send(message: object): void {
    this.#socket?.send(JSON.stringify(message))
  }
}
