import type { Amendment, Idempotency, Sender } from '../../api/contracts/backplane.js'
import { isAmendmentText, isReacting } from '../log/amending.js'
import { ENTRY_OVERHEAD } from '../log/log-segment.js'
import { notedBy } from '../log/reactions.js'
import { kindsAgainst, restraint } from '../log/restricting.js'
import { amendTarget } from './amending.js'
import type { Driver, Row } from './driver.js'
import type { Marks } from './marks.js'
import type { Reactors } from './reactors.js'
import type { PublishOutcome, PublishRequest } from './requests.js'
import type { RestrictionTable } from './restriction-table.js'
import type { Room, Rooms } from './rooms.js'
import { numberIn, textIn } from './rows.js'
import type { StoredText, Texts } from './texts.js'

/** A room as the messages of the group leave it. */
interface Opened {
  room: Room
  // What these messages add to the log.
  bytes: number
  amendments: number
  amendmentBytes: number
  /** The last message of each user, up to which they have read. */
  readonly readBy: Map<string, Answer>
}

/** The entry that answers a message. */
interface Answer {
  readonly offset: number
  readonly id: string
  readonly at: number
}

/** Who sends the server's own messages, in the records of repeats: no user has this id. */
const NOBODY = ''

/**
 * The publishes of one transaction of the caller. Dedupe, `after`, what an amendment changes and the offset are decided
 * in it, message by message: two repeats in one group become one message, and an edit finds a message of its group. Each
 * room is read once, and written once with what was appended. If the transaction fails, this object is dropped with it.
 */
export class Group {
  readonly #rooms = new Map<string, Opened>()
  #remembered = 0
  #hasRedacted = false

  constructor(
    private readonly driver: Driver,
    private readonly rooms: Rooms,
    private readonly texts: Texts,
    private readonly reactors: Reactors,
    private readonly restrictions: RestrictionTable,
    private readonly marks: Marks,
    /** Client messages were recorded. */
    private readonly remembered: (count: number) => void,
  ) {}

  /** Returns `undefined` if it has to be tried again in the next transaction. */
  publish(request: PublishRequest): PublishOutcome | undefined {
    const opened = this.#open(request.stream)
    const earlier = this.#earlier(opened.room, request)
    if (earlier) return earlier
    const amended = amendTarget(this.texts, this.reactors, opened.room, request)
    switch (amended?.status) {
      case undefined:
        return this.#append(opened, request)
      case 'unchanged':
        return this.#unchanged(opened.room, request, amended.answer)
      case 'unfinished':
        return undefined
      default:
        return amended
    }
  }

  /** Whether a message was deleted, so that its text should not stay in the journal for long. */
  get hasRedacted(): boolean {
    return this.#hasRedacted
  }

  /** Comes before the commit. */
  writeRooms(): void {
    for (const opened of this.#rooms.values()) {
      if (opened.bytes > 0) this.rooms.advance(opened.room, opened)
      for (const [userId, entry] of opened.readBy) this.marks.wrote(opened.room, userId, entry)
    }
  }

  /** Counted only now: while the disk refuses every commit, a message may be tried again and again. */
  committed(): void {
    this.remembered(this.#remembered)
  }

  #open(name: string): Opened {
    const known = this.#rooms.get(name)
    if (known) return known
    const opened = {
      room: this.rooms.find(name),
      bytes: 0,
      amendments: 0,
      amendmentBytes: 0,
      readBy: new Map(),
    }
    this.#rooms.set(name, opened)
    return opened
  }

  /** The outcome of a message that does not go into the log. */
  #earlier(room: Room, request: PublishRequest): PublishOutcome | undefined {
    const { sender, idempotency, writer = '', timestampMs } = request
    const known = sender ? this.#sent(room, sender) : idempotency && this.#keyed(room, idempotency)
    if (known) {
      const isSame = numberIn(known, 'fingerprint') === (sender ?? idempotency)?.fingerprint
      return isSame ? duplicateOf(room, answerIn(known)) : { status: 'conflict' }
    }
    const { seen, after } = sender ?? {}
    if (seen !== undefined && seen < room.forgotten) return { status: 'forgotten' }
    if (after && this.rooms.hasLost(room, after)) return { status: 'out_of_order' }
    return restraint(this.restrictions.of(room.name, writer), kindsAgainst(request), timestampMs)
  }

  #sent({ key }: Room, { userId, clientId }: Pick<Sender, 'userId' | 'clientId'>): Row | undefined {
    return this.driver
      .prepare('SELECT fingerprint, offset, id, at FROM sent WHERE room = ? AND user = ? AND client_id = ?')
      .get(key, userId, clientId)
  }

  #keyed(room: Room, { key }: Idempotency): Row | undefined {
    const row = this.driver
      .prepare('SELECT fingerprint, offset, id, at FROM entries WHERE room = ? AND key = ?')
      .get(room.key, key)
    return row ?? this.#sent(room, { userId: NOBODY, clientId: key })
  }

  /** Recorded like others: the message may have changed again when a repeat of this arrives. */
  #unchanged(room: Room, { sender, idempotency }: PublishRequest, answer: StoredText): PublishOutcome {
    const record = sender ?? (idempotency && { userId: NOBODY, clientId: idempotency.key, ...idempotency })
    if (record) {
      const seq = this.#unusedSeq()
      this.#remember(seq, room.key, record, answer)
      this.driver.prepare('UPDATE sent SET place = ? WHERE seq = ?').run(room.head.offset + 1, seq)
    }
    return duplicateOf(room, answer)
  }

  /** A number in the order of all entries that no entry will have. */
  #unusedSeq(): number {
    const row = this.driver
      .prepare("UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'entries' RETURNING seq")
      .get()
    return numberIn(row ?? {}, 'seq')
  }

  #append(
    opened: Opened,
    { id, open, timestampMs, author, sender, idempotency, amends, readBy }: PublishRequest,
  ): PublishOutcome {
    const room = this.rooms.withRow(opened.room)
    const position = { epoch: room.epoch, offset: room.head.offset + 1, id }
    const isAmendment = isAmendmentText(open)
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
    const seq = Number(lastInsertRowid)
    if (isAmendment) this.#markAmendment(seq, amends)
    if (amends && isReacting(amends))
      this.reactors.note(room, amends.target.offset, notedBy(amends, position.offset))
    this.#hasRedacted ||= amends?.kind === 'delete'
    if (sender) this.#remember(seq, room.key, sender, { offset: position.offset, id, at: timestampMs })
    if (readBy !== undefined) opened.readBy.set(readBy, { offset: position.offset, id, at: timestampMs })
    opened.room = { ...room, head: position }
    grow(opened, Buffer.byteLength(open) + ENTRY_OVERHEAD, isAmendment)
    return { status: 'accepted', position, previousId: room.head.id, duplicate: false, timestampMs }
  }

  /** In a statement of its own, since what most messages do not need would cost all of them time. */
  #markAmendment(seq: number, amends: Amendment | undefined): void {
    this.driver
      .prepare('UPDATE entries SET amends = 1, target = ? WHERE seq = ?')
      .run(amends?.kind === 'edit' ? amends.target.offset : null, seq)
  }

  #remember(
    seq: number,
    room: number,
    { userId, clientId, fingerprint }: Sender,
    { offset, id, at }: Answer,
  ): void {
    this.driver
      .prepare(
        'INSERT INTO sent (seq, room, user, client_id, fingerprint, offset, id, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      )
      .run(seq, room, userId, clientId, fingerprint, offset, id, at)
    this.#remembered++
  }
}

function grow(opened: Opened, bytes: number, isAmendment: boolean): void {
  opened.bytes += bytes
  if (!isAmendment) return
  opened.amendments++
  opened.amendmentBytes += bytes
}

function duplicateOf({ epoch }: Room, { offset, id, at }: Answer): PublishOutcome {
  const position = { epoch, offset, id }
  return { status: 'accepted', position, previousId: '', duplicate: true, timestampMs: at }
}

function answerIn(row: Row): Answer {
  return { offset: numberIn(row, 'offset'), id: textIn(row, 'id'), at: numberIn(row, 'at') }
}
