import type { Durability } from '@roomful/protocol'
import type { Position } from '../../api/backplane.js'
import { decimal } from '../../util/decimal.js'
import { isoTime } from '../../util/iso-time.js'

/*
 * The JSON text of the frame that a busy server makes for one receiver each. By hand, since JSON.stringify takes twice as
 * long for it, and leaves three times as much for the collector; and of few pieces, since V8 makes an object for each that
 * is added. What the server made itself (ids, epochs, times) needs no escapes.
 */

/** The pieces that all acknowledgements of a member have, made with the first of them. */
export class MemberTexts {
  readonly #roomId: string
  #epoch: string | undefined
  #place = ''

  constructor(roomId: string) {
    this.#roomId = JSON.stringify(roomId)
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
  buffered: '","duplicate":false,"durability":"buffered"}',
  disk: '","duplicate":false,"durability":"disk"}',
  primary: '","duplicate":false,"durability":"primary"}',
  replicated: '","duplicate":false,"durability":"replicated"}',
}

/** Printable ASCII that JSON has as it is. */
const PLAIN = /^[ !#-[\]-~]*$/

/** As it is between the quotes of JSON. */
const escaped = (text: string): string => (PLAIN.test(text) ? text : JSON.stringify(text).slice(1, -1))
