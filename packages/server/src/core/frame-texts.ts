import type { Durability, JsonObject } from '@roomful/protocol'
import { isoTime } from './iso-time.js'
import type { Position } from './log.js'

/*
 * The JSON texts of the two frames that a busy server makes most. By hand, since JSON.stringify takes twice as long for
 * them, and leaves three times as much for the collector. What the server made itself (ids, epochs, times) needs no escapes.
 */

/** Part of a `chat_message` that is the same for all of a member's: whose it is, and where. */
export function whoAndWhere(userId: string, roomId: string): string {
  return JSON.stringify({ user_id: userId, room_id: roomId }).slice(1, -1)
}

export interface ChatFields {
  readonly message: string
  readonly data?: JsonObject | undefined
  readonly timestamp: string
  /** {@link whoAndWhere} */
  readonly names: string
  readonly id: string
  readonly clientId: string | undefined
}

/** A `chat_message` without its closing brace: the log adds the epoch and the offset, which only it knows. */
export function openChatText({ message, data, timestamp, names, id, clientId }: ChatFields): string {
  const text = `{"type":"chat_message","message":${quote(message)},"timestamp":"${timestamp}",${names},"id":"${id}"`
  const named = clientId === undefined ? text : `${text},"client_id":${quote(clientId)}`
  return data ? `${named}${dataField(data)}` : named
}

export interface AckFields {
  readonly ref: string | undefined
  readonly clientId: string
  readonly roomId: string
  readonly accepted: {
    readonly position: Position
    /** When the message was accepted first, in ms since 1970. */
    readonly wall: number
    readonly duplicate: boolean
    readonly durability: Durability
  }
}

export function ackText({ ref, clientId, roomId, accepted }: AckFields): string {
  const { position, wall, duplicate, durability } = accepted
  const { epoch, offset, id } = position
  const start = ref === undefined ? '{"type":"ack"' : `{"type":"ack","ref":${quote(ref)}`
  return `${start},"client_id":${quote(clientId)},"room_id":${quote(roomId)},"epoch":"${epoch}","offset":${offset},"id":"${id}","timestamp":"${isoTime(wall)}","duplicate":${duplicate},"durability":"${durability}"}`
}

function dataField(data: JsonObject): string {
  const json = JSON.stringify(data)
  // JSON.stringify says undefined of what has a toJSON that does, and would leave the field out.
  return json === undefined ? '' : `,"data":${json}`
}

/** Printable ASCII that JSON has as it is. */
const PLAIN = /^[ !#-[\]-~]*$/

const quote = (text: string): string => (PLAIN.test(text) ? `"${text}"` : JSON.stringify(text))
