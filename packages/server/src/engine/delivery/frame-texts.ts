import type { Durability, JsonObject } from '@roomful/protocol'
import type { Position } from '../../backplane/log/log.js'
import { decimal } from '../../util/decimal.js'
import { isoTime } from '../../util/iso-time.js'

/*
 * The JSON texts of the two frames that a busy server makes most. By hand, since JSON.stringify takes twice as long for
 * them, and leaves three times as much for the collector; and of few pieces, since V8 makes an object for each that is
 * added. What the server made itself (ids, epochs, times) needs no escapes.
 */

/** The pieces that all chat messages of a member and their acknowledgements have, made with the first of them. */
export class MemberTexts {
  /** Of a chat message, from its time to its id. */
  readonly names: string
  readonly #roomId: string
  #epoch: string | undefined
  #place = ''

  constructor(userId: string, roomId: string) {
    this.#roomId = JSON.stringify(roomId)
    this.names = `","user_id":${JSON.stringify(userId)},"room_id":${this.#roomId},"id":"`
  }

  /** Of an acknowledgement, from its client id to its offset. */
  placeIn(epoch: string): string {
    if (epoch !== this.#epoch) {
      this.#epoch = epoch
      this.#place = `,"room_id":${this.#roomId},"epoch":"${epoch}","offset":`
    }
    return this.#place
  }
}

export interface ChatFields {
  readonly message: string
  readonly data?: JsonObject | undefined
  readonly timestamp: string
  readonly texts: MemberTexts
  readonly id: string
  readonly clientId: string | undefined
}

/** A `chat_message` without its closing brace: the log adds the epoch and the offset, which only it knows. */
export function openChatText({ message, data, timestamp, texts, id, clientId }: ChatFields): string {
  const text = `{"type":"chat_message","message":"${escaped(message)}","timestamp":"${timestamp}${texts.names}${id}`
  const named = clientId === undefined ? `${text}"` : `${text}","client_id":"${escaped(clientId)}"`
  return data ? `${named}${dataField(data)}` : named
}

export interface AckFields {
  readonly ref: string | undefined
  readonly clientId: string
  readonly texts: MemberTexts
  readonly accepted: {
    readonly position: Position
    /** When the message was accepted first, in ms since 1970. */
    readonly timestampMs: number
    readonly duplicate: boolean
    readonly durability: Durability
  }
}

export function ackText({ ref, clientId, texts, accepted }: AckFields): string {
  const { position, timestampMs, duplicate, durability } = accepted
  const { epoch, offset, id } = position
  const start = ref === undefined ? '{"type":"ack",' : `{"type":"ack","ref":"${escaped(ref)}",`
  const end = duplicate ? `","duplicate":true,"durability":"${durability}"}` : ACCEPTED[durability]
  return `${start}"client_id":"${escaped(clientId)}"${texts.placeIn(epoch)}${decimal(offset)},"id":"${id}","timestamp":"${isoTime(timestampMs)}${end}`
}

/** How the acknowledgement of a message ends that came for the first time. */
const ACCEPTED: Readonly<Record<Durability, string>> = {
  memory: '","duplicate":false,"durability":"memory"}',
  primary: '","duplicate":false,"durability":"primary"}',
  replicated: '","duplicate":false,"durability":"replicated"}',
}

function dataField(data: JsonObject): string {
  const json = JSON.stringify(data)
  // JSON.stringify says undefined of what has a toJSON that does, and would leave the field out.
  return json === undefined ? '' : `,"data":${json}`
}

/** Printable ASCII that JSON has as it is. */
const PLAIN = /^[ !#-[\]-~]*$/

/** As it is between the quotes of JSON. */
const escaped = (text: string): string => (PLAIN.test(text) ? text : JSON.stringify(text).slice(1, -1))
