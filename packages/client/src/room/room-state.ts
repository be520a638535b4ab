import type { Cursor, Entry, ServerMessageOf, Target } from '@roomful/protocol'
import type { RoomfulError } from '@roomful/protocol/wire'
import { backoffMs, repeatMs } from '../connection/retry.js'
import * as strings from '../runtime/strings.js'
import type { Coverage } from './loggable.js'

/** The state of the room. `reason` explains in words how it got there. */
export type RoomStatus = { readonly reason: string } & (
  | { readonly state: 'idle' }
  /** Not a member (yet, or any more), and there is nothing to resume from. */
  | { readonly state: 'joining' }
  /** Disconnected, with a position in the log to resume from. */
  | { readonly state: 'recovering' }
  /** `recovered`: whether the last join had no gap; `undefined` if there was nothing to recover. */
  | { readonly state: 'live'; readonly recovered: boolean | undefined }
  /** Still a member, but entries are missing. */
  | { readonly state: 'resyncing' }
  | { readonly state: 'denied'; readonly error: RoomfulError }
  | { readonly state: 'left' }
)

type Joined = ServerMessageOf<'joined'>

/** The complete state of the machine. */
export interface RoomMachine {
  readonly status: RoomStatus
  readonly isConnected: boolean
  /** The last entry that was delivered, or the head at which the join began. */
  readonly cursor: Cursor | undefined
  /** How many entries of the past the application asked for. */
  readonly history: number | undefined
  /** The outcome of the current resume, known from its first page. */
  readonly recovered: boolean | undefined
  /** What the pages of this resume have folded in from beyond their ends, whose entries are still to come. */
  readonly ahead: Folded
  readonly wasLive: boolean
  /** Joins in a row on this connection that were refused or brought nothing new. */
  readonly failures: number
}

/**
 * By offset, the ids of the messages that these amendments change; `undefined` for a tombstone, which an erasure may have
 * dated by any entry.
 */
type Folded = ReadonlyMap<number, string | undefined>
type Foldable = Partial<ServerMessageOf<'chat_message'>> & { readonly target?: Target }

export type RoomEvent =
  /** `since`: where the room begins if it has no position of its own. */
  | { readonly type: 'join'; readonly history: number | undefined; readonly since?: Cursor | undefined }
  | { readonly type: 'leave'; readonly reason: string }
  /** The user has changed, or may have changed. */
  | { readonly type: 'forget' }
  | { readonly type: 'up' }
  | { readonly type: 'down'; readonly reason: string }
  /** `since`: the position that the join named. */
  | { readonly type: 'joined'; readonly frame: Joined; readonly since: Cursor | undefined }
  | { readonly type: 'refused'; readonly error: RoomfulError; readonly random: number }
  | { readonly type: 'timer' }
  /** A live frame with a position in the log. */
  | { readonly type: 'entry'; readonly at: Cursor }
  | { readonly type: 'resync'; readonly reason: string; readonly at: Cursor }
  /** The list of members missed a change. */
  | { readonly type: 'members_gap' }
  | { readonly type: 'expelled'; readonly error: RoomfulError }

export type RoomEffect =
  /** A join for the next page is exempt from the rate of joins. */
  | {
      readonly type: 'send_join'
      readonly since: Cursor | undefined
      readonly history: number | undefined
      readonly isPage: boolean
    }
  /** The live frame is the next in order: pass it on. */
  | { readonly type: 'deliver' }
  | {
      readonly type: 'deliver_page'
      readonly entries: readonly Entry[]
      readonly coverage: Coverage
      /** Handlers know the entries up to this offset; the page has them in their present state. */
      readonly knownTo: number
    }
  /** There is a hole, or another log, before the entries that follow. */
  | { readonly type: 'break'; readonly reason: string; readonly head: Cursor | undefined }
  | { readonly type: 'live' }
  | { readonly type: 'retry'; readonly ms: number }

export interface RoomStep {
  readonly machine: RoomMachine
  readonly effects: readonly RoomEffect[]
}

const NOTHING: Folded = new Map()

export const initialRoom: RoomMachine = {
  status: { state: 'idle', reason: strings.notJoined },
  isConnected: false,
  cursor: undefined,
  history: undefined,
  recovered: undefined,
  ahead: NOTHING,
  wasLive: false,
  failures: 0,
}

export function roomStep(m: RoomMachine, event: RoomEvent): RoomStep {
  switch (event.type) {
    case 'join': {
      const cursor = m.cursor ?? event.since
      if (isWanted(m)) return stay({ ...m, cursor })
      return join({ ...m, cursor, history: event.history, recovered: undefined }, 'Joining')
    }
    case 'leave':
      return isWanted(m) ? stay({ ...m, status: { state: 'left', reason: event.reason } }) : stay(m)
    case 'forget':
      return stay({ ...initialRoom, isConnected: m.isConnected, status: m.status, history: m.history })
    case 'up': {
      const connected = { ...m, isConnected: true }
      return isWanted(m) ? join(connected, strings.backOnline) : stay(connected)
    }
    case 'down': {
      const away = { ...m, isConnected: false, recovered: undefined, failures: 0 }
      return stay(isWanted(m) ? { ...away, status: waiting(m, event.reason) } : away)
    }
    case 'joined':
      return isWanted(m) ? joined(m, event.frame, event.since) : stay(m)
    case 'refused':
      return isWanted(m) ? refused(m, event.error, event.random) : stay(m)
    case 'timer':
      return isWanted(m) && m.isConnected ? stay(m, [sendJoin(m)]) : stay(m)
    case 'entry':
      return entry(m, event.at)
    case 'resync':
      if (!isWanted(m)) return stay(m)
      return stay({ ...m, cursor: event.at, ahead: NOTHING }, [
        { type: 'break', reason: event.reason, head: event.at },
      ])
    case 'members_gap':
      return m.status.state === 'live' ? resync(m, strings.missedMember) : stay(m)
    case 'expelled':
      return isWanted(m) ? deny(m, event.error) : stay(m)
  }
}

/** Whether the application wants to be in the room. */
export function isWanted({ status: { state } }: RoomMachine): boolean {
  return state !== 'idle' && state !== 'left' && state !== 'denied'
}

function stay(machine: RoomMachine, effects: readonly RoomEffect[] = []): RoomStep {
  return { machine, effects }
}

function waiting({ cursor }: RoomMachine, reason: string): RoomStatus {
  return { state: cursor ? 'recovering' : 'joining', reason }
}

function sendJoin({ cursor, history }: RoomMachine, isPage = false): RoomEffect {
  return { type: 'send_join', since: cursor, history, isPage }
}

function join(m: RoomMachine, reason: string): RoomStep {
  const status = waiting(m, m.isConnected ? reason : strings.waitingForConnection)
  return stay({ ...m, status }, m.isConnected ? [sendJoin(m)] : [])
}

function resync(m: RoomMachine, reason: string): RoomStep {
  return stay({ ...m, status: { state: 'resyncing', reason }, recovered: undefined }, [again(m)])
}

/** If a server keeps answering with nothing new, the next request waits longer each time. */
function again(m: RoomMachine, isPage = false): RoomEffect {
  const ms = repeatMs(m.failures)
  return ms > 0 ? { type: 'retry', ms } : sendJoin(m, isPage)
}

function deny(m: RoomMachine, error: RoomfulError): RoomStep {
  return stay({ ...m, status: { state: 'denied', reason: error.message, error } })
}

function refused(m: RoomMachine, error: RoomfulError, random: number): RoomStep {
  if (!error.temporary) return deny(m, error)
  const ms = Math.max(error.retryAfterMs ?? backoffMs(m.failures, random), repeatMs(m.failures))
  return stay({ ...m, failures: m.failures + 1, status: waiting(m, error.message) }, [{ type: 'retry', ms }])
}

function joined(m: RoomMachine, frame: Joined, since: Cursor | undefined): RoomStep {
  const head = cursorOf(frame)
  if (!head) return joinedBase(m)
  const isBroken = frame.recovered === false && !isComplete(m.cursor, frame)
  // The join was sent from another position, or before there was any: its answer says nothing about this one.
  const isLate = frame.recovered === undefined || (isBroken && m.cursor !== since)
  if (m.cursor && isLate) return stay({ ...m, failures: m.failures + 1 }, [again(m)])
  const ahead = foldedAhead(isBroken ? NOTHING : m.ahead, frame)
  if (!ahead) return startAgain(m, head)
  const effects: RoomEffect[] = []
  if (isBroken) effects.push({ type: 'break', reason: frame.reason ?? 'gap', head })
  const from = isBroken ? undefined : m.cursor
  const isNew = ({ epoch, offset }: Entry) => !from || epoch !== from.epoch || offset > from.offset
  const entries = (frame.messages ?? []).filter(isNew)
  // Messages are kept for longer than what a resume from their places needs.
  const isSameLog = isBroken && frame.reason === 'expired' && m.cursor?.epoch === head.epoch
  const knownTo = isSameLog ? (m.cursor?.offset ?? 0) : 0
  effects.push({ type: 'deliver_page', entries, coverage: frame, knownTo })
  const cursor = from && from.epoch === head.epoch && from.offset > head.offset ? from : head
  const recovered =
    m.recovered === false || isBroken ? false : frame.recovered === undefined ? m.recovered : true
  const isProgress = !m.cursor || (cursor.epoch === m.cursor.epoch && cursor.offset > m.cursor.offset)
  const machine = { ...m, cursor, recovered, ahead, failures: isProgress ? 0 : m.failures + 1 }
  if (frame.more) return stay(machine, [...effects, again(machine, true)])
  return live(machine, effects)
}

/**
 * What this page and those before it have folded in from beyond its end. `undefined` if the log has lost some of that: it ends
 * before, or has another entry there. The server does not know that somebody has seen it.
 */
function foldedAhead(before: Folded, { messages = [], offset: head = 0, more }: Joined): Folded | undefined {
  const ahead = new Map(before)
  for (const entry of messages) {
    const { type, id, version = 0, deleted, target } = entry as Foldable
    const folded = ahead.get(entry.offset)
    if (folded !== undefined && folded !== target?.id) return undefined
    ahead.delete(entry.offset)
    if (more && type === 'chat_message' && version > head) ahead.set(version, deleted ? undefined : id)
  }
  if (more) return ahead
  return [...ahead.keys()].some((offset) => offset > head) ? undefined : NOTHING
}

/** The log has forked behind the position that it still has: it is asked as one of which nothing is known. */
function startAgain(m: RoomMachine, head: Cursor): RoomStep {
  const machine = { ...m, cursor: undefined, recovered: false, ahead: NOTHING }
  return stay(machine, [{ type: 'break', reason: 'forked', head }, sendJoin(machine)])
}

/**
 * Whether the answer contains the position that live frames have reached since the join was sent, and every entry after
 * it. If so, nothing was missed, even if the log has dropped the entry that the join named. A page leaves amendments out.
 */
function isComplete(cursor: Cursor | undefined, frame: Joined): boolean {
  const { messages = [], offset = 0 } = frame
  const isThere = [cursorOf(frame), ...messages].some(
    (at) => at?.epoch === cursor?.epoch && at?.offset === cursor?.offset && at?.id === cursor?.id,
  )
  const from = cursor?.offset ?? 0
  return isThere && messages.filter((entry) => entry.offset > from).length === offset - from
}

/** A base server has no log, so missed messages are lost. */
function joinedBase(m: RoomMachine): RoomStep {
  return live(m, m.wasLive ? [{ type: 'break', reason: 'not_recoverable', head: undefined }] : [])
}

function live(m: RoomMachine, effects: readonly RoomEffect[]): RoomStep {
  const { recovered } = m
  const reason = recovered === false ? strings.joinedWithGap : 'Joined'
  return stay({ ...m, wasLive: true, status: { state: 'live', reason, recovered } }, [
    ...effects,
    { type: 'live' },
  ])
}

function entry(m: RoomMachine, at: Cursor): RoomStep {
  const { state } = m.status
  if ((state !== 'live' && state !== 'resyncing') || !m.cursor) return stay(m)
  const isSameLog = at.epoch === m.cursor.epoch
  if (isSameLog && at.offset <= m.cursor.offset) return stay(m)
  if (isSameLog && at.offset === m.cursor.offset + 1)
    return stay({ ...m, cursor: at, failures: 0 }, [{ type: 'deliver' }])
  return state === 'live' ? resync(m, strings.missedMessage) : stay(m)
}

function cursorOf({ epoch, offset, id }: Joined): Cursor | undefined {
  return epoch === undefined || offset === undefined || id === undefined ? undefined : { epoch, offset, id }
}
