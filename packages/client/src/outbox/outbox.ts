import type { Durability } from '@roomful/protocol'
import { RoomfulError } from '@roomful/protocol/wire'
import { repeatMs } from '../connection/retry.js'
import type { OutboxLimits } from '../options/options.js'
import type { Head, OutboxEntry } from '../options/stored-outbox.js'
import * as strings from '../runtime/strings.js'

/** The position of a message in its room's log. */
export interface Placed {
  readonly id: string
  readonly epoch: string
  readonly offset: number
  readonly durability: Durability
}

/** The position of the message in its room's log; a base server does not report one (`durability: 'none'`). */
export type SendResult =
  | Placed
  | {
      readonly durability: 'none'
      readonly id?: undefined
      readonly epoch?: undefined
      readonly offset?: undefined
    }

/** The outcome of a message. */
export interface Settled {
  readonly entry: OutboxEntry
  readonly outcome: SendResult | RoomfulError
}

interface Waiting {
  entry: OutboxEntry
  /** The JSON of its data, made once because it goes into every transmission. */
  readonly data: string | undefined
  /** How often the message was refused temporarily for a reason of its own. */
  refusals: number
  /** The position from its own broadcast: it is in the log, though the ack has not arrived yet. */
  echo: Placed | undefined
}

/**
 * What the current connection knows about the messages to a room, of which the wire's `after` makes a chain, or about
 * the amendments of one message, which are sent one after the other and wait for nothing else.
 */
interface Lane {
  readonly key: string
  /** Client ids that were transmitted and not answered, in order. */
  readonly flights: string[]
  accepted: string | undefined
  /** A message was refused, and so will be all later ones in flight. Nothing is sent until all are answered. */
  isDraining: boolean
  notBefore: number
  /** How often in a row all messages in flight were answered without one being accepted. */
  repeats: number
  /** Why all in flight are refused: each names the one before it. */
  refusal: RoomfulError | undefined
  /** The lane is removed with the last answer: the client left the room, or these are amendments. */
  isLeft: boolean
}

/** A message on which the server keeps failing must not delay all others for ever. */
const MAX_REFUSALS = 5
const RETRY_MS = 500

/**
 * The unacknowledged messages, in order. Without I/O and without a clock, it decides which may be sent and which are
 * settled.
 */
export class Outbox {
  readonly #limits: OutboxLimits
  #waiting = new Map<string, Waiting>()
  #lanes = new Map<string, Lane>()
  /**
   * Messages that an earlier connection transmitted: a refusal on this connection does not say what became of that
   * transmission.
   */
  readonly #doubts = new Set<string>()
  #bytes = 0

  constructor(limits: OutboxLimits) {
    this.#limits = limits
  }

  get entries(): readonly OutboxEntry[] {
    return Array.from(this.#waiting.values(), ({ entry }) => entry)
  }

  get isInFlight(): boolean {
    return this.#inFlight() > 0
  }

  /** Adds an entry, or replaces the one with its client id. @throws RoomfulError `outbox_full` */
  add(entry: OutboxEntry): void {
    const { maxMessages, maxBytes } = this.#limits
    const waiting = waitingOf(entry)
    const replaced = this.#waiting.get(entry.clientId)
    const bytes = this.#bytes + sizeOf(waiting) - (replaced ? sizeOf(replaced) : 0)
    if (!replaced && this.#waiting.size >= maxMessages)
      throw new RoomfulError('outbox_full', { message: strings.tooMany(this.#waiting.size + 1, maxMessages) })
    if (bytes > maxBytes)
      throw new RoomfulError('outbox_full', { message: strings.tooManyBytes(bytes, maxBytes) })
    if (replaced) this.#bytes -= sizeOf(replaced)
    this.#put(waiting)
  }

  /** Inserts the messages that an earlier page left before those of this page. */
  restore(entries: readonly OutboxEntry[]): void {
    const later = this.#waiting
    this.#waiting = new Map()
    for (const entry of entries) if (!later.has(entry.clientId)) this.#put(waitingOf(entry))
    for (const [clientId, waiting] of later) this.#waiting.set(clientId, waiting)
  }

  /** Makes the user the sender of all waiting messages. Returns those that had no sender or another one. */
  adopt(userId: string): OutboxEntry[] {
    const others = [...this.#waiting.values()].filter(({ entry }) => entry.userId !== userId)
    return others.map((waiting) => {
      waiting.entry = { ...waiting.entry, userId }
      return waiting.entry
    })
  }

  /** What may be transmitted now: the first message, or else the first amendment, since those have a rate a room. */
  next(now: number, isOpen: (roomId: string) => boolean): OutboxEntry | undefined {
    if (this.#inFlight() >= this.#limits.window) return undefined
    let amendment: OutboxEntry | undefined
    for (const { entry } of this.#waiting.values()) {
      const lane = this.#lanes.get(laneOf(entry))
      if (lane && (lane.isDraining || lane.notBefore > now || lane.flights.includes(entry.clientId))) continue
      if (!isOpen(entry.roomId)) continue
      if (entry.amends === undefined) return entry
      if (entry.fields?.target && !lane?.flights.length) amendment ??= entry
    }
    return amendment
  }

  /** The client id of a waiting message that its own broadcast has shown with this id. */
  waitingAs(id: string): string | undefined {
    return [...this.#waiting.values()].find(({ echo }) => echo?.id === id)?.entry.clientId
  }

  /** The JSON of a waiting message's data. */
  dataOf(clientId: string): string | undefined {
    return this.#waiting.get(clientId)?.data
  }

  /** When a room that must wait may continue. */
  nextTime(now: number): number | undefined {
    const times = [...this.#lanes.values()].map(({ notBefore }) => notBefore).filter((time) => time > now)
    return times.length > 0 ? Math.min(...times) : undefined
  }

  /**
   * The wire's `after` for the next transmission to a room: the message that this connection sent or had accepted
   * last.
   */
  predecessor(roomId: string): string | undefined {
    const lane = this.#lanes.get(roomId)
    return lane?.flights.at(-1) ?? lane?.accepted
  }

  /** Call this before the frame leaves. `seen` is what a repeat is to tell. Returns the updated entry. */
  transmitted(clientId: string, now: number, seen?: Head): OutboxEntry | undefined {
    const waiting = this.#waiting.get(clientId)
    if (!waiting) return undefined
    const lane = this.#lane(laneOf(waiting.entry))
    if (lane.flights.length === 0) lane.refusal = undefined
    lane.flights.push(clientId)
    lane.isLeft = waiting.entry.amends !== undefined
    waiting.entry = { ...waiting.entry, doubtSince: waiting.entry.doubtSince ?? now, seen }
    return waiting.entry
  }

  accepted(clientId: string, placed: Placed): Settled | undefined {
    const lane = this.#answered(clientId)
    if (lane) {
      lane.accepted = clientId
      lane.repeats = 0
      this.#drop(lane)
    }
    return this.settle(clientId, placed)
  }

  /** The client's own broadcast arrived. If acks promise more than the log, only the ack settles the message. */
  echoed(clientId: string, placed: Placed, settles: boolean): Settled | undefined {
    if (settles) return this.settle(clientId, placed)
    const waiting = this.#waiting.get(clientId)
    if (waiting) waiting.echo = placed
    return undefined
  }

  /** The log of a room ends at `head` now, or is another one. What was shown beyond may be lost, and settles nothing later. */
  broke(roomId: string, head: Head | undefined): void {
    for (const waiting of this.#waiting.values()) {
      const { entry, echo } = waiting
      const isThere = echo && echo.epoch === head?.epoch && echo.offset <= head.offset
      if (entry.roomId === roomId && !isThere) waiting.echo = undefined
    }
  }

  /** The server refused a transmission. A permanent refusal settles the message. */
  refused(clientId: string, error: RoomfulError, now: number): Settled | undefined {
    const waiting = this.#waiting.get(clientId)
    const lane = this.#answered(clientId)
    if (!lane) return undefined
    lane.isDraining = lane.flights.length > 0
    // The two sides disagree about the last message, for example after a leave. With nothing in flight, a new chain
    // is safe.
    if (error.code === 'out_of_order' && !lane.isDraining) lane.accepted = undefined
    if (!waiting) {
      this.#drop(lane)
      return undefined
    }
    if (error.code === 'muted') lane.refusal = error
    if (error.code === 'out_of_order' && lane.refusal && !this.#doubts.has(clientId)) {
      this.#drop(lane)
      return this.settle(clientId, lane.refusal)
    }
    // The server's store did not answer, so it may have accepted the message anyway.
    if (error.code === 'unavailable') this.#doubts.add(clientId)
    if (error.code !== 'out_of_order' && error.code !== 'rate_limited') waiting.refusals++
    const isStuck = error.code === 'internal' && waiting.refusals >= MAX_REFUSALS
    // The reason of this refusal, such as a membership that ended, may not have existed when an earlier connection
    // transmitted the message.
    const outcome = this.#doubts.has(clientId) ? (waiting.echo ?? unknownAfter(error)) : error
    if (!error.temporary || isStuck) {
      lane.repeats = 0
      this.#drop(lane)
      return this.settle(clientId, outcome)
    }
    // A room that takes few amendments at a time must not hold up those of others.
    if (error.code === 'rate_limited' && waiting.entry.amends !== undefined) this.#putLast(lane.key)
    // It was refused, and its outcome was never in doubt before, so it is certainly not in the log.
    if (!this.#doubts.has(clientId))
      waiting.entry = { ...waiting.entry, doubtSince: undefined, seen: undefined }
    if (error.code !== 'out_of_order') {
      lane.notBefore = now + (error.retryAfterMs ?? RETRY_MS * 2 ** Math.min(waiting.refusals, 6))
    }
    if (!lane.isDraining) lane.notBefore = Math.max(lane.notBefore, now + repeatMs(lane.repeats++))
    return undefined
  }

  #putLast(lane: string): void {
    for (const [clientId, waiting] of [...this.#waiting]) {
      if (laneOf(waiting.entry) !== lane) continue
      this.#waiting.delete(clientId)
      this.#waiting.set(clientId, waiting)
    }
  }

  /** When the membership ends, the server forgets the last message; messages in flight are still answered. */
  left(roomId: string): void {
    const lane = this.#lanes.get(roomId)
    if (!lane) return
    lane.accepted = undefined
    lane.isLeft = true
    this.#drop(lane)
  }

  #drop({ key, isLeft, flights }: Lane): void {
    if (isLeft && flights.length === 0) this.#lanes.delete(key)
  }

  /** Removes a transmission from those that wait for an answer. Returns its lane, if it was there. */
  #answered(clientId: string): Lane | undefined {
    const lane = [...this.#lanes.values()].find(({ flights }) => flights.includes(clientId))
    if (!lane) return undefined
    lane.flights.splice(lane.flights.indexOf(clientId), 1)
    if (lane.flights.length === 0) lane.isDraining = false
    return lane
  }

  /**
   * The connection broke: the outcome of messages in flight is unknown, and they will be sent again with the same
   * ids.
   */
  disconnected(): void {
    for (const { flights } of this.#lanes.values()) for (const clientId of flights) this.#doubts.add(clientId)
    this.#lanes.clear()
  }

  /**
   * Gives up messages that have been in doubt for longer than the server remembers ids: they are never repeated
   * blindly.
   */
  expire(now: number, windowMs: number): Settled[] {
    const isExpired = ({ entry }: Waiting) =>
      entry.doubtSince !== undefined && now - entry.doubtSince > windowMs && !this.#isInFlight(entry)
    return this.#settleAll(isExpired, ({ echo }) => echo ?? new RoomfulError('outcome_unknown'))
  }

  /**
   * Fails messages that are not in flight, such as those of a room that was left. Those that may have arrived get
   * `outcome_unknown`.
   */
  fail(which: (entry: OutboxEntry) => boolean, error: RoomfulError): Settled[] {
    return this.#settleAll(
      ({ entry }) => which(entry) && !this.#isInFlight(entry),
      ({ entry, echo }) => echo ?? (entry.doubtSince === undefined ? error : unknownAfter(error)),
    )
  }

  /** The server closed the connection because of a frame's size: it must have been the largest in flight. */
  failLargest(error: RoomfulError): Settled | undefined {
    const inFlight = [...this.#lanes.values()].flatMap(({ flights }) => flights)
    const [largest] = inFlight
      .flatMap((id) => this.#waiting.get(id) ?? [])
      .sort((a, b) => sizeOf(b) - sizeOf(a))
    return largest && this.settle(largest.entry.clientId, error)
  }

  /** Takes back a message that was never transmitted. */
  cancel(clientId: string): Settled | undefined {
    if (this.#waiting.get(clientId)?.entry.doubtSince !== undefined) return undefined
    return this.settle(clientId, new RoomfulError('cancelled'))
  }

  settle(clientId: string, outcome: SendResult | RoomfulError): Settled | undefined {
    const waiting = this.#waiting.get(clientId)
    if (!waiting) return undefined
    this.#waiting.delete(clientId)
    this.#doubts.delete(clientId)
    this.#bytes -= sizeOf(waiting)
    return { entry: waiting.entry, outcome }
  }

  #settleAll(
    which: (waiting: Waiting) => boolean,
    outcome: (waiting: Waiting) => Placed | RoomfulError,
  ): Settled[] {
    return [...this.#waiting.values()]
      .filter(which)
      .flatMap((waiting) => this.settle(waiting.entry.clientId, outcome(waiting)) ?? [])
  }

  #put(waiting: Waiting): void {
    const { entry } = waiting
    this.#waiting.set(entry.clientId, waiting)
    this.#bytes += sizeOf(waiting)
    if (entry.doubtSince !== undefined) this.#doubts.add(entry.clientId)
  }

  #lane(key: string): Lane {
    const lane = this.#lanes.get(key) ?? {
      key,
      flights: [],
      accepted: undefined,
      isDraining: false,
      notBefore: Number.NEGATIVE_INFINITY,
      repeats: 0,
      refusal: undefined,
      isLeft: false,
    }
    this.#lanes.set(key, lane)
    return lane
  }

  #isInFlight(entry: OutboxEntry): boolean {
    return this.#lanes.get(laneOf(entry))?.flights.includes(entry.clientId) ?? false
  }

  #inFlight(): number {
    let count = 0
    for (const { flights } of this.#lanes.values()) count += flights.length
    return count
  }
}

function unknownAfter(cause: RoomfulError): RoomfulError {
  return new RoomfulError('outcome_unknown', { cause })
}

/** No room's name contains a space. */
function laneOf({ roomId, amends }: OutboxEntry): string {
  return amends === undefined ? roomId : `${roomId} ${amends}`
}

/** @throws TypeError for data that JSON cannot hold */
function waitingOf(entry: OutboxEntry): Waiting {
  return { entry, data: entry.data && JSON.stringify(entry.data), refusals: 0, echo: undefined }
}

function sizeOf({ entry, data = '' }: Waiting): number {
  return 2 * (entry.message.length + data.length)
}
