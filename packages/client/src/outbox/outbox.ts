import type { Durability } from '@roomful/protocol'
import { RoomfulError } from '@roomful/protocol/wire'
import { repeatMs } from '../connection/retry.js'
import type { OutboxLimits } from '../options/options.js'
import type { Head, OutboxEntry } from '../options/stored-outbox.js'
import * as strings from '../runtime/strings.js'

/** Where a message stands in its room's log. */
export interface Placed {
  readonly id: string
  readonly epoch: string
  readonly offset: number
  readonly durability: Durability
}

/** Where the message stands in its room's log; a base server tells nothing (`durability: 'none'`). */
export type SendResult =
  | Placed
  | {
      readonly durability: 'none'
      readonly id?: undefined
      readonly epoch?: undefined
      readonly offset?: undefined
    }

/** What became of a message. */
export interface Settled {
  readonly entry: OutboxEntry
  readonly outcome: SendResult | RoomfulError
}

interface Waiting {
  entry: OutboxEntry
  /** The JSON of its data, made once: it goes into every transmission. */
  readonly data: string | undefined
  /** Temporary refusals for a reason of its own. */
  refusals: number
  /** Its own broadcast was seen: it is in the log, though the ack is still out. */
  echo: Placed | undefined
}

/** What the present connection knows of a room: the wire's `after` is about one connection alone. */
interface Lane {
  /** Client ids transmitted and not answered, in order. */
  readonly flights: string[]
  accepted: string | undefined
  /** One was refused: all behind it will be, so nothing is sent until every answer is in. */
  isDraining: boolean
  notBefore: number
  /** Times in a row that all in flight were answered and nothing was accepted. */
  repeats: number
  /** Nobody is in the room: it goes with the last answer. */
  isLeft: boolean
}

/** A message that the server keeps failing on must not hold up all others for ever. */
const MAX_REFUSALS = 5
const RETRY_MS = 500

/** The messages that wait for their acknowledgement, in order. No I/O and no clock: decides what may be sent and what is settled. */
export class Outbox {
  readonly #limits: OutboxLimits
  #waiting = new Map<string, Waiting>()
  #lanes = new Map<string, Lane>()
  /** Transmitted on an earlier connection: a refusal on this one does not tell what became of that transmission. */
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

  /** @throws RoomfulError `outbox_full` */
  add(entry: OutboxEntry): void {
    const { maxMessages, maxBytes } = this.#limits
    const waiting = waitingOf(entry)
    const bytes = this.#bytes + sizeOf(waiting)
    if (this.#waiting.size >= maxMessages)
      throw new RoomfulError('outbox_full', { message: strings.tooMany(this.#waiting.size + 1, maxMessages) })
    if (bytes > maxBytes)
      throw new RoomfulError('outbox_full', { message: strings.tooManyBytes(bytes, maxBytes) })
    this.#put(waiting)
  }

  /** Puts what an earlier page left before what this one wants to send. */
  restore(entries: readonly OutboxEntry[]): void {
    const later = this.#waiting
    this.#waiting = new Map()
    for (const entry of entries) if (!later.has(entry.clientId)) this.#put(waitingOf(entry))
    for (const [clientId, waiting] of later) this.#waiting.set(clientId, waiting)
  }

  /** Makes the user the sender of all that waits. Returns what was nobody's or another's before. */
  adopt(userId: string): OutboxEntry[] {
    const others = [...this.#waiting.values()].filter(({ entry }) => entry.userId !== userId)
    return others.map((waiting) => {
      waiting.entry = { ...waiting.entry, userId }
      return waiting.entry
    })
  }

  /** The first message that may be transmitted now. */
  next(now: number, isOpen: (roomId: string) => boolean): OutboxEntry | undefined {
    if (this.#inFlight() >= this.#limits.window) return undefined
    for (const { entry } of this.#waiting.values()) {
      const lane = this.#lanes.get(entry.roomId)
      if (lane && (lane.isDraining || lane.notBefore > now || lane.flights.includes(entry.clientId))) continue
      if (isOpen(entry.roomId)) return entry
    }
    return undefined
  }

  /** The JSON of a waiting message's data. */
  dataOf(clientId: string): string | undefined {
    return this.#waiting.get(clientId)?.data
  }

  /** When a room that was told to wait may go on. */
  nextTime(now: number): number | undefined {
    const times = [...this.#lanes.values()].map(({ notBefore }) => notBefore).filter((time) => time > now)
    return times.length > 0 ? Math.min(...times) : undefined
  }

  /** The wire's `after` for the next transmission to a room: what this connection sent before it, or had accepted. */
  predecessor(roomId: string): string | undefined {
    const lane = this.#lanes.get(roomId)
    return lane?.flights.at(-1) ?? lane?.accepted
  }

  /** Call before the frame leaves. Returns the entry as it now is. */
  transmitted(clientId: string, now: number, head?: Head): OutboxEntry | undefined {
    const waiting = this.#waiting.get(clientId)
    if (!waiting) return undefined
    const lane = this.#lane(waiting.entry.roomId)
    lane.flights.push(clientId)
    lane.isLeft = false
    const { doubtSince, seen } = waiting.entry
    const isRepeat = doubtSince !== undefined && seen?.epoch === head?.epoch
    waiting.entry = { ...waiting.entry, doubtSince: doubtSince ?? now, seen: isRepeat ? seen : head }
    return waiting.entry
  }

  accepted(roomId: string, clientId: string, placed: Placed): Settled | undefined {
    const lane = this.#lane(roomId)
    lane.accepted = clientId
    lane.repeats = 0
    answered(lane, clientId)
    this.#drop(roomId, lane)
    return this.settle(clientId, placed)
  }

  /** The own broadcast arrived. With an ack that promises more than the log, only the ack settles. */
  echoed(clientId: string, placed: Placed, settles: boolean): Settled | undefined {
    if (settles) return this.settle(clientId, placed)
    const waiting = this.#waiting.get(clientId)
    if (waiting) waiting.echo = placed
    return undefined
  }

  /** The server refused a transmission: for now, or for good, which settles it. */
  refused(clientId: string, error: RoomfulError, now: number): Settled | undefined {
    const waiting = this.#waiting.get(clientId)
    const roomId = waiting?.entry.roomId ?? error.roomId
    if (roomId === undefined) return undefined
    const lane = this.#lane(roomId)
    const wasFirst = answered(lane, clientId)
    this.#drop(roomId, lane)
    lane.isDraining = lane.flights.length > 0
    // The two sides disagree on what was last, as after a leave; with nothing in flight a new chain is safe.
    if (error.code === 'out_of_order' && !lane.isDraining) lane.accepted = undefined
    if (!waiting) return undefined
    // The server's store did not answer: it may have accepted the message all the same.
    if (error.code === 'unavailable') this.#doubts.add(clientId)
    if (error.code !== 'out_of_order' && error.code !== 'rate_limited') waiting.refusals++
    const isStuck = error.code === 'internal' && waiting.refusals >= MAX_REFUSALS
    // What it was refused for now, such as a membership that ended, may not have stood in the way of an earlier transmission.
    const outcome = this.#doubts.has(clientId) ? (waiting.echo ?? unknownAfter(error)) : error
    if (!error.temporary || isStuck) return this.settle(clientId, outcome)
    // Refused where the outcome was never in doubt before: it is certainly not in the log.
    if (wasFirst && !this.#doubts.has(clientId))
      waiting.entry = { ...waiting.entry, doubtSince: undefined, seen: undefined }
    if (error.code !== 'out_of_order') {
      lane.notBefore = now + (error.retryAfterMs ?? RETRY_MS * 2 ** Math.min(waiting.refusals, 6))
    }
    if (!lane.isDraining) lane.notBefore = Math.max(lane.notBefore, now + repeatMs(lane.repeats++))
    return undefined
  }

  /** The server forgets what was last with the membership; what is in flight is still answered. */
  left(roomId: string): void {
    const lane = this.#lanes.get(roomId)
    if (!lane) return
    lane.accepted = undefined
    lane.isLeft = true
    this.#drop(roomId, lane)
  }

  #drop(roomId: string, lane: Lane): void {
    if (lane.isLeft && lane.flights.length === 0) this.#lanes.delete(roomId)
  }

  /** The connection broke: what was in flight has an unknown outcome and will be sent again with the same id. */
  disconnected(): void {
    for (const { flights } of this.#lanes.values()) for (const clientId of flights) this.#doubts.add(clientId)
    this.#lanes.clear()
  }

  /** What was in doubt for longer than the server remembers ids: never sent blindly again. */
  expire(now: number, windowMs: number): Settled[] {
    const isExpired = ({ entry }: Waiting) =>
      entry.doubtSince !== undefined && now - entry.doubtSince > windowMs && !this.#isInFlight(entry)
    return this.#settleAll(isExpired, ({ echo }) => echo ?? new RoomfulError('outcome_unknown'))
  }

  /** Gives up on messages that are not in flight, such as those of a room that was left. What may have arrived is `outcome_unknown`. */
  fail(which: (entry: OutboxEntry) => boolean, error: RoomfulError): Settled[] {
    return this.#settleAll(
      ({ entry }) => which(entry) && !this.#isInFlight(entry),
      ({ entry, echo }) => echo ?? (entry.doubtSince === undefined ? error : unknownAfter(error)),
    )
  }

  /** The server closed the connection over the size of a frame: the largest in flight must have been it. */
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

  #lane(roomId: string): Lane {
    const lane = this.#lanes.get(roomId) ?? {
      flights: [],
      accepted: undefined,
      isDraining: false,
      notBefore: Number.NEGATIVE_INFINITY,
      repeats: 0,
      isLeft: false,
    }
    this.#lanes.set(roomId, lane)
    return lane
  }

  #isInFlight({ roomId, clientId }: OutboxEntry): boolean {
    return this.#lanes.get(roomId)?.flights.includes(clientId) ?? false
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

/** Takes a transmission out of those that wait for an answer. */
function answered(lane: Lane, clientId: string): boolean {
  const index = lane.flights.indexOf(clientId)
  if (index >= 0) lane.flights.splice(index, 1)
  if (lane.flights.length === 0) lane.isDraining = false
  return index >= 0
}

/** @throws TypeError for data that JSON cannot hold */
function waitingOf(entry: OutboxEntry): Waiting {
  return { entry, data: entry.data && JSON.stringify(entry.data), refusals: 0, echo: undefined }
}

function sizeOf({ entry, data = '' }: Waiting): number {
  return 2 * (entry.message.length + data.length)
}
