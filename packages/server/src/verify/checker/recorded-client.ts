import { randomBytes } from 'node:crypto'
import { WebSocket } from 'ws'
import { entryOf, type Frame, placeOf } from './frames.js'
import type { Place } from './history.js'
import { Outbox } from './outbox.js'
import type { Recording } from './recording.js'

/** A request, and how many events had been recorded when it was sent. */
interface Asked {
  readonly askedAt: number
  readonly since?: Place
  readonly after?: number
  readonly before?: number
}

export interface RecordedClientOptions {
  readonly name: string
  readonly room: string
  /** Opens the next connection. */
  readonly dial: () => WebSocket
  /** How long it waits after a lost connection before it dials again, in ms. */
  readonly pauseMs: () => number
  readonly token?: string
}

/**
 * A client in one room, written from PROTOCOL.md alone. It reconnects when its connection is lost, resumes from its
 * cursor, repeats what was not acknowledged, and records every frame.
 */
export class RecordedClient {
  cursor: Place | undefined
  readonly outbox: Outbox
  #socket: WebSocket | undefined
  #connections = 0
  #session: string | undefined
  #user = ''
  #isLive = false
  #isClosed = false
  #asked = new Map<string, Asked>()
  #refs = 0
  #redial: NodeJS.Timeout | undefined

  constructor(
    private readonly options: RecordedClientOptions,
    private readonly recording: Recording,
  ) {
    const { room } = options
    this.outbox = new Outbox(
      () => this.cursor,
      (frame) => {
        const { client_id: clientId, message: text } = frame
        recording.add({ kind: 'sent', ...this.#seen(), clientId, text, user: this.#user })
        this.#send({ type: 'chat_message', room_id: room, ...frame })
      },
    )
    this.#dial()
  }

  get name(): string {
    return this.options.name
  }

  get room(): string {
    return this.options.room
  }

  get isLive(): boolean {
    return this.#isLive
  }

  write(text: string): void {
    this.outbox.add({ clientId: randomBytes(16).toString('base64url'), text })
  }

  /** Requests a page of history. The answer is recorded. */
  page(range: { readonly after?: number; readonly before?: number; readonly limit?: number }): void {
    if (this.#isLive) this.#ask('history', range, range)
  }

  /** Its connection breaks, as that of a phone does. */
  cut(): void {
    this.#socket?.terminate()
  }

  /**
   * It stops reading from its connection without closing it, and dials another, as a phone does that has changed its
   * network. Whoever calls this ends the old connection in time.
   */
  leaveHalfOpen(): WebSocket | undefined {
    const socket = this.#socket
    if (socket?.readyState !== WebSocket.OPEN) return undefined
    socket.pause()
    this.#lost()
    return socket
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#redial)
    this.outbox.shut()
    this.#socket?.terminate()
  }

  #dial(): void {
    const socket = this.options.dial()
    this.#socket = socket
    this.#connections++
    this.#asked = new Map()
    socket.on('message', (data) => {
      // Frames can still arrive on a connection that was cut or left.
      if (socket === this.#socket && socket.readyState === WebSocket.OPEN) this.#read(data.toString())
    })
    socket.on('error', () => {
      // The close event that follows makes it reconnect.
    })
    socket.on('close', () => {
      if (socket === this.#socket) this.#lost()
    })
  }

  #lost(): void {
    this.#socket = undefined
    this.#isLive = false
    this.outbox.shut()
    if (!this.#isClosed) this.#redial = setTimeout(() => this.#dial(), this.options.pauseMs())
  }

  #read(text: string): void {
    let frame: Frame
    try {
      frame = JSON.parse(text)
    } catch {
      this.recording.complain(`${this.name} got what is not JSON: ${text.slice(0, 100)}`)
      return
    }
    this.#take(frame)
  }

  #take(frame: Frame): void {
    if (frame.type === 'system') this.#send({ type: 'auth', protocol: 1, ...this.#credentials() })
    else if (frame.type === 'authenticated') this.#authenticated(frame)
    else if (frame.type === 'joined') this.#joined(frame)
    else if (frame.type === 'ack') this.#acked(frame)
    else if (frame.type === 'history') this.#paged(frame)
    else if (frame.type === 'error') this.#refused(frame)
    else if (frame.type === 'resync') this.#resynced(frame)
    // Of any type: whatever has an offset is an entry of the log.
    else if (frame.room_id === this.room && frame.offset !== undefined) this.#delivered(frame)
  }

  #authenticated({ user_id = '', session }: Frame): void {
    if (this.#user !== '' && user_id !== this.#user)
      this.recording.complain(`${this.name} was ${this.#user}, and reconnected as ${user_id}`, 'other_user')
    this.#user = user_id
    this.#session = session
    this.#join()
  }

  /** A session never replaces a token. */
  #credentials(): object {
    return this.options.token === undefined ? { session: this.#session } : { token: this.options.token }
  }

  #join(): void {
    const since = this.cursor
    this.#ask('join', since ? { since } : { history: 20 }, since ? { since } : {})
  }

  #joined(frame: Frame): void {
    const { since, askedAt } = this.#answered(frame)
    const cursor = placeOf(frame)
    const { recovered, reason, more = false, messages = [] } = frame
    this.cursor = cursor
    this.#isLive = !more
    this.recording.add({
      kind: 'joined',
      ...this.#seen(),
      ...{ askedAt, entries: messages.map(entryOf), cursor, more },
      ...(since && { since }),
      ...(recovered !== undefined && { recovered }),
      ...(reason !== undefined && { reason }),
    })
    if (more) this.#join()
    else this.outbox.open()
  }

  #delivered(frame: Frame): void {
    const entry = entryOf(frame)
    this.cursor = { epoch: entry.epoch, offset: entry.offset, id: entry.id }
    this.recording.add({ kind: 'delivered', ...this.#seen(), entry })
  }

  #acked(frame: Frame): void {
    const { client_id: clientId = '', duplicate = false, durability } = frame
    this.outbox.acked(clientId)
    this.recording.add({
      ...{ kind: 'acked', ...this.#seen(), clientId, at: placeOf(frame), duplicate },
      ...(durability !== undefined && { durability }),
    })
  }

  #paged(frame: Frame): void {
    const { askedAt, after, before } = this.#answered(frame)
    const { epoch = '', oldest_offset: oldest, messages = [], more = false } = frame
    this.recording.add({
      kind: 'page',
      ...this.#seen(),
      ...{ askedAt, epoch, entries: messages.map(entryOf), more },
      ...(after !== undefined && { after }),
      ...(before !== undefined && { before }),
      ...(oldest !== undefined && { oldest }),
    })
  }

  #refused({ client_id: clientId, code = '', retry_after_ms: retryMs = 50, ref }: Frame): void {
    if (clientId === undefined) {
      if (code !== 'unavailable') this.recording.complain(`${this.name} was told '${code}' (${ref})`, code)
      this.cut()
      return
    }
    this.recording.add({ kind: 'refused', ...this.#seen(), clientId, code })
    if (!this.outbox.refused(clientId, code, retryMs))
      this.recording.complain(`${this.name} was refused ${clientId} with '${code}'`, code)
  }

  #resynced(frame: Frame): void {
    this.cursor = placeOf(frame)
    this.recording.add({ kind: 'resync', ...this.#seen(), reason: frame.reason ?? '', cursor: this.cursor })
  }

  #ask(type: string, fields: object, asked: Omit<Asked, 'askedAt'>): void {
    const ref = String(++this.#refs)
    this.#asked.set(ref, { ...asked, askedAt: this.recording.events.length })
    this.#send({ type, room_id: this.room, ref, ...fields })
  }

  #answered({ type, ref = '' }: Frame): Asked {
    const asked = this.#asked.get(ref)
    this.#asked.delete(ref)
    if (!asked) this.recording.complain(`${this.name} got '${type}' for the unknown ref ${ref}`)
    return asked ?? { askedAt: 0 }
  }

  #send(message: object): void {
    this.#socket?.send(JSON.stringify(message))
  }

  #seen() {
    return { client: this.name, connection: `${this.name}/${this.#connections}`, room: this.room }
  }
}
