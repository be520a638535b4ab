import type { Cursor, Entry, JsonObject, ServerMessage } from '@roomful/protocol'
import {
  type Frame,
  RoomfulError,
  type ServerDecodeResult,
  validate,
  validateServerMessage,
} from '@roomful/protocol/wire'
import type { ConnectionDriver } from '../connection/connection-driver.js'
import { errorOf, type PendingRequests } from '../connection/pending-requests.js'
import type { AnyProtocol } from '../options/options.js'
import type { OutboxDriver } from '../outbox/outbox-driver.js'
import type { Emitter } from '../runtime/emitter.js'
import { type Loggable, Place } from './loggable.js'
import type { RoomCore } from './room.js'
import type { Rooms } from './rooms.js'

/** The parts of a client that can receive messages. */
interface Receivers {
  readonly protocol: AnyProtocol | undefined
  readonly driver: ConnectionDriver
  readonly requests: PendingRequests
  readonly outbox: OutboxDriver
  readonly rooms: Rooms<RoomCore>
  readonly events: Emitter<Record<string, unknown>>
  failed(error: RoomfulError): void
}

/** Messages with `epoch`, `offset` and `id` that are not entries of a log. */
const NOT_IN_LOG = new Set(['joined', 'ack', 'resync', 'history', 'read_marked'])

/** Passes each decoded message from the server to the part of the client that handles it. */
export class MessageRouter {
  readonly #client: Receivers

  constructor(client: Receivers) {
    this.#client = client
  }

  received(result: ServerDecodeResult): void {
    const frame = result.ok ? result.message : result.frame
    if (!frame) {
      this.unreadable(result)
      return
    }
    const { epoch, offset, id, room_id } = frame as Partial<Record<string, unknown>>
    const room = typeof room_id === 'string' ? this.#client.rooms.get(room_id) : this.#client.rooms.base
    if (
      typeof epoch === 'string' &&
      typeof offset === 'number' &&
      typeof id === 'string' &&
      !NOT_IN_LOG.has(frame.type)
    ) {
      const read = this.#withData(result)
      room?.entry({ epoch, offset, id }, read)
      if (read.ok) this.#echo(read.message, room?.head)
    } else if (!result.ok) this.unreadable(result)
    else if (result.kind === 'application') {
      if (room_id === undefined) this.#client.events.emit(frame.type, result.message)
      else room?.message(result.message)
    } else this.#builtIn(result.message, room)
  }

  #builtIn(message: ServerMessage, room: RoomCore | undefined): void {
    if (this.#client.requests.answer(message)) return
    switch (message.type) {
      case 'error':
        if (message.client_id !== undefined) this.#client.outbox.refused(message.client_id, message)
        else this.#refused(errorOf(message))
        return
      case 'ack':
        this.#client.outbox.acked(message)
        return
      case 'joined':
        // From an extended server, this answers a join that nobody waits for any more.
        if (this.#client.driver.mode === 'base') room?.joined(message, undefined)
        return
      case 'draining':
      case 'room_heads':
        this.#client.events.emit(message.type, message)
        return
      default:
        room?.received(message)
    }
  }

  #refused(error: RoomfulError): void {
    // The stack from the socket to here would not help whoever reads the log.
    error.stack = String(error)
    if (error.code === 'rate_limited') this.#client.driver.rateLimiter.refused('messages', error.retryAfterMs)
    this.#client.failed(error)
  }

  /** @param head the position of its room */
  #echo({ client_id, user_id, id, epoch, offset }: Loggable, head: Cursor | undefined): void {
    if (client_id === undefined || user_id !== this.#client.driver.user.get()) return
    if (typeof id === 'string' && epoch !== undefined && offset !== undefined)
      this.#client.outbox.echoed(client_id, { epoch, offset, id }, head)
  }

  readPage(entries: readonly Entry[]): (Loggable | Place)[] {
    return entries.map((entry) => this.#readEntry(entry))
  }

  #readEntry(entry: Entry): Loggable | Place {
    const result = this.#withData(validateServerMessage(entry, this.#client.protocol))
    if (!result.ok) {
      this.unreadable(result)
      return new Place(entry.type, entry.id, entry.epoch, entry.offset)
    }
    this.#echo(result.message, this.#client.rooms.get(entry.room_id)?.head)
    return result.message
  }

  /** Replaces chat data by the output of the application's schema. */
  #withData(result: ServerDecodeResult): ServerDecodeResult {
    const chat = this.#client.protocol?.chat
    if (!chat || !result.ok || result.kind === 'application') return result
    const { message } = result
    const hasText = message.type === 'chat_message' || message.type === 'message_edited'
    if (!hasText || message.data === undefined) return result
    const data = validate(chat, message.data)
    if (!data.ok)
      return { ok: false, code: 'invalid_message', frame: message as unknown as Frame, issues: data.issues }
    return { ...result, message: { ...message, data: data.value as JsonObject } }
  }

  /** An unknown type is not an error, since a newer server may add types. */
  unreadable(result: ServerDecodeResult): void {
    if (!result.ok && result.code !== 'unknown_type')
      this.#client.failed(new RoomfulError(result.code, { issues: result.issues }))
  }
}
