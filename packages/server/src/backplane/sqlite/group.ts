import type { Idempotency, Position, Sender } from '../../api/contracts/backplane.js'
import { ENTRY_OVERHEAD } from '../log/log.js'
import type { Driver, Row } from './driver.js'
import type { PublishOutcome, PublishRequest } from './requests.js'
import type { Room, Rooms } from './rooms.js'
import { numberIn, textIn } from './rows.js'

/** A room as the messages of the group leave it. */
interface Opened {
  room: Room
  /** What these messages add to the log. */
  bytes: number
}

/**
 * The publishes of one transaction of the caller. Dedupe, `after` and offset are decided in it, message by message, so
 * two repeats in one group become one message. Each room is read once and written once. If the transaction fails, this
 * object is dropped with it.
 */
export class Group {
  readonly #rooms = new Map<string, Opened>()
  #remembered = 0

  constructor(
    private readonly driver: Driver,
    private readonly rooms: Rooms,
    /** Client messages were recorded. */
    private readonly remembered: (count: number) => void,
  ) {}

  publish(request: PublishRequest): PublishOutcome {
    const opened = this.#open(request.stream)
    return this.#earlier(opened.room, request) ?? this.#append(opened, request)
  }

  /** Comes before the commit. */
  writeRooms(): void {
    for (const { room, bytes } of this.#rooms.values()) if (bytes > 0) this.rooms.advance(room, bytes)
  }

  /** Counted only now: while the disk refuses every commit, a message may be tried again and again. */
  committed(): void {
    this.remembered(this.#remembered)
  }

  #open(name: string): Opened {
    const known = this.#rooms.get(name)
    if (known) return known
    const opened = { room: this.rooms.find(name), bytes: 0 }
    this.#rooms.set(name, opened)
    return opened
  }

  /** The outcome of a message that does not go into the log. */
  #earlier(room: Room, { sender, idempotency }: PublishRequest): PublishOutcome | undefined {
    const known = sender ? this.#sent(room, sender) : idempotency && this.#keyed(room, idempotency)
    if (known) {
      const isSame = numberIn(known, 'fingerprint') === (sender ?? idempotency)?.fingerprint
      return isSame ? duplicateOf(room, known) : { status: 'conflict' }
    }
    const { seen, after } = sender ?? {}
    if (seen !== undefined && seen < room.forgotten) return { status: 'forgotten' }
    return after && this.rooms.hasLost(room, after) ? { status: 'out_of_order' } : undefined
  }

  #sent({ key }: Room, { userId, clientId }: Sender): Row | undefined {
    return this.driver
      .prepare('SELECT fingerprint, offset, id, at FROM sent WHERE room = ? AND user = ? AND client_id = ?')
      .get(key, userId, clientId)
  }

  #keyed({ key }: Room, idempotency: Idempotency): Row | undefined {
    return this.driver
      .prepare('SELECT fingerprint, offset, id, at FROM entries WHERE room = ? AND key = ?')
      .get(key, idempotency.key)
  }

  #append(
    opened: Opened,
    { id, open, timestampMs, author, sender, idempotency }: PublishRequest,
  ): PublishOutcome {
    const room = this.rooms.withRow(opened.room)
    const position = { epoch: room.epoch, offset: room.head.offset + 1, id }
    const { lastInsertRowid } = this.driver
      .prepare(
        'INSERT INTO entries (room, offset, id, author, at, key, fingerprint, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      )
      .run(
        room.key,
        position.offset,
        id,
        author ?? null,
        timestampMs,
        idempotency?.key ?? null,
        idempotency?.fingerprint ?? null,
        open,
      )
    if (sender) this.#remember(Number(lastInsertRowid), room.key, sender, position, timestampMs)
    opened.room = { ...room, head: position }
    opened.bytes += Buffer.byteLength(open) + ENTRY_OVERHEAD
    return { status: 'accepted', position, previousId: room.head.id, duplicate: false, timestampMs }
  }

  #remember(
    seq: number,
    room: number,
    { userId, clientId, fingerprint }: Sender,
    { offset, id }: Position,
    timestampMs: number,
  ): void {
    this.driver
      .prepare(
        'INSERT INTO sent (seq, room, user, client_id, fingerprint, offset, id, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      )
      .run(seq, room, userId, clientId, fingerprint, offset, id, timestampMs)
    this.#remembered++
  }
}

function duplicateOf({ epoch }: Room, sent: Row): PublishOutcome {
  const position = { epoch, offset: numberIn(sent, 'offset'), id: textIn(sent, 'id') }
  return {
    status: 'accepted',
    position,
    previousId: '',
    duplicate: true,
    timestampMs: numberIn(sent, 'at'),
  }
}
