import { closeCode, RoomfulError } from '@roomful/protocol/wire'
import type { Backoff, TokenReason } from '../options/options.js'
import * as strings from '../runtime/strings.js'
import { backoffMs } from './retry.js'

/** `base`: the server speaks only base messages, so nothing is acknowledged or recovered. */
export type Mode = 'full' | 'base'

/** The state of the connection. `reason` explains in words how it got there. */
export type ConnectionStatus = { readonly reason: string } & (
  | { readonly state: 'idle' | 'token' | 'dialing' | 'authenticating' }
  | { readonly state: 'online' | 'degraded'; readonly mode: Mode; readonly latencyMs: number | undefined }
  /** `nextAttemptAt` is in ms since 1970 (Unix time). */
  | { readonly state: 'backoff'; readonly inMs: number; readonly nextAttemptAt: number }
  /** The browser reports that there is no network; the client still tries, slowly. */
  | { readonly state: 'offline'; readonly inMs: number; readonly nextAttemptAt: number }
  /** The user has too many connections: this one waits until somebody looks at its page, or for `connect()`. */
  | { readonly state: 'waiting' }
  /**
   * Another attempt cannot succeed. `code` is the close code, or 1009 for a token that exceeds the server's frame
   * size.
   */
  | { readonly state: 'failed'; readonly code: number; readonly error: RoomfulError }
  | { readonly state: 'closed' }
)

/** The complete state of the machine. */
export interface ConnectionMachine {
  readonly status: ConnectionStatus
  readonly tokenReason: TokenReason
  readonly token: string | undefined
  /** A token that the server refused and that must not be tried again. */
  readonly refusedToken: string | undefined
  /** The number of attempts in a row that led to no lasting connection. */
  readonly failures: number
  /** The close code of the last attempts, and how many of them in a row had it. */
  readonly streak: { readonly code: number; readonly count: number }
  readonly onlineSince: number | undefined
  /** Whether a server has ever answered. Until then, the address or the route to it may be wrong. */
  readonly isGreeted: boolean
  /** The server's advice: no attempt before this time. */
  readonly notBefore: number
}

export type ConnectionEvent =
  | { readonly type: 'connect' }
  /** After `closed`, only `connect()` connects; an `idle` client is like one that never connected. */
  | { readonly type: 'close'; readonly state: 'closed' | 'idle'; readonly reason: string }
  | { readonly type: 'token'; readonly token: string | undefined }
  | { readonly type: 'token_failed'; readonly reason: string }
  | { readonly type: 'opened' }
  | { readonly type: 'hello'; readonly mode: Mode }
  | { readonly type: 'authenticated' }
  | { readonly type: 'closed'; readonly code: number; readonly reason: string }
  /** The time-out of the current state, or the end of its wait. */
  | { readonly type: 'timer' }
  | { readonly type: 'network'; readonly signal: 'online' | 'offline' | 'visible' }
  | { readonly type: 'pong'; readonly latencyMs: number }
  | { readonly type: 'overdue' }
  | { readonly type: 'dead'; readonly reason: string }
  /** A frame that the connection itself needs exceeds the server's frame size. */
  | { readonly type: 'unsendable'; readonly error: RoomfulError }
  /** The server says when to try again; a live connection is replaced at that time. */
  | { readonly type: 'advice'; readonly afterMs: number }

export type ConnectionEffect =
  | { readonly type: 'fetch_token'; readonly reason: TokenReason }
  | { readonly type: 'dial' }
  | { readonly type: 'auth' }
  | { readonly type: 'up' }
  | { readonly type: 'hang_up'; readonly code: number; readonly reason: string }
  /** Replaces the machine's only timer; without `ms`, clears it. */
  | { readonly type: 'timer'; readonly ms: number | undefined }

export interface ConnectionStep {
  readonly connection: ConnectionMachine
  readonly effects: readonly ConnectionEffect[]
}

export interface ConnectionEnvironment {
  readonly now: number
  readonly wallTime: number
  readonly random: number
  readonly isOffline: boolean
  /** Says what to check if no server has ever answered. `said` is the message from the socket. */
  unreachable(said: string): string
  readonly hasToken: boolean
  readonly hasTokenGetter: boolean
  readonly timeouts: { readonly tokenMs: number; readonly dialMs: number; readonly authMs: number }
  readonly backoff: Backoff
}

/** A connection that lasted this long was a success and resets the back-off. */
const LASTING_MS = 10_000

export const initialConnection: ConnectionMachine = {
  status: { state: 'idle', reason: strings.notConnected },
  tokenReason: 'connect',
  token: undefined,
  refusedToken: undefined,
  failures: 0,
  streak: { code: 0, count: 0 },
  onlineSince: undefined,
  isGreeted: false,
  notBefore: Number.NEGATIVE_INFINITY,
}

export function connectionStep(
  c: ConnectionMachine,
  event: ConnectionEvent,
  env: ConnectionEnvironment,
): ConnectionStep {
  const { state } = c.status
  switch (event.type) {
    case 'connect':
      return isBusy(c) ? stay(c) : begin({ ...c, failures: 0, refusedToken: undefined }, event.type, env)
    case 'close':
      return state === event.state
        ? stay(c)
        : hangUp(to(c, { state: event.state, reason: event.reason }), 1000, 'Closed')
    case 'token':
      if (state !== 'token') return stay(c)
      if (c.refusedToken !== undefined && event.token === c.refusedToken) return fail(c, 4500, '')
      return dial({ ...c, token: event.token }, env)
    case 'token_failed':
      return state === 'token' ? retry(c, event.reason, env) : stay(c)
    case 'opened':
      if (state !== 'dialing') return stay(c)
      return to(c, { state: 'authenticating', reason: strings.waitingForServer }, [], env.timeouts.authMs)
    case 'hello':
      if (state !== 'authenticating') return stay(c)
      return hello({ ...c, isGreeted: true }, event.mode, env)
    case 'authenticated':
      return state === 'authenticating' ? online(c, 'full', env) : stay(c)
    case 'closed':
      return isConnected(c) ? closed(c, event.code, event.reason, env) : stay(c)
    case 'timer':
      return timeOut(c, env)
    case 'network':
      return network(c, event.signal, env)
    case 'pong':
      if (c.status.state !== 'online' && c.status.state !== 'degraded') return stay(c)
      return stay({
        ...c,
        status: {
          ...c.status,
          state: 'online',
          reason: onlineReason(c.status.mode),
          latencyMs: event.latencyMs,
        },
      })
    case 'overdue':
      if (c.status.state !== 'online') return stay(c)
      return stay({
        ...c,
        status: { ...c.status, state: 'degraded', reason: strings.slow },
      })
    case 'dead':
      if (!isConnected(c)) return stay(c)
      return hangUp(retry(c, event.reason, env), 4001, 'Heartbeat missed')
    case 'unsendable': {
      if (!isConnected(c)) return stay(c)
      const { error } = event
      return hangUp(to(c, { state: 'failed', reason: error.message, code: 1009, error }), 1000, error.code)
    }
    case 'advice':
      return {
        connection: { ...c, notBefore: env.now + event.afterMs },
        effects: isUp(state) ? [{ type: 'timer', ms: event.afterMs }] : [],
      }
  }
}

/** Whether there is a socket. */
export function isConnected({ status: { state } }: ConnectionMachine): boolean {
  return state === 'dialing' || state === 'authenticating' || isUp(state)
}

export function isUp(state: ConnectionStatus['state']): boolean {
  return state === 'online' || state === 'degraded'
}

function isBusy(c: ConnectionMachine): boolean {
  return isConnected(c) || c.status.state === 'token'
}

function stay(connection: ConnectionMachine): ConnectionStep {
  return { connection, effects: [] }
}

function to(
  c: ConnectionMachine,
  status: ConnectionStatus,
  effects: readonly ConnectionEffect[] = [],
  timerMs?: number,
): ConnectionStep {
  return { connection: { ...c, status }, effects: [{ type: 'timer', ms: timerMs }, ...effects] }
}

function hangUp({ connection, effects }: ConnectionStep, code: number, reason: string): ConnectionStep {
  return { connection, effects: [{ type: 'hang_up', code, reason }, ...effects] }
}

function begin(c: ConnectionMachine, why: string, env: ConnectionEnvironment): ConnectionStep {
  if (!env.hasTokenGetter) return dial(c, env)
  const { tokenReason: reason } = c
  return to(
    c,
    { state: 'token', reason: strings.askingForToken(why) },
    [{ type: 'fetch_token', reason }],
    env.timeouts.tokenMs,
  )
}

function dial(c: ConnectionMachine, env: ConnectionEnvironment): ConnectionStep {
  return to(c, { state: 'dialing', reason: 'Connecting' }, [{ type: 'dial' }], env.timeouts.dialMs)
}

function hello(c: ConnectionMachine, mode: Mode, env: ConnectionEnvironment): ConnectionStep {
  return mode === 'base' ? online(c, mode, env) : { connection: c, effects: [{ type: 'auth' }] }
}

function online(c: ConnectionMachine, mode: Mode, env: ConnectionEnvironment): ConnectionStep {
  return to(
    {
      ...c,
      tokenReason: 'reconnect',
      refusedToken: undefined,
      streak: { code: 0, count: 0 },
      onlineSince: env.now,
      notBefore: Number.NEGATIVE_INFINITY,
    },
    { state: 'online', reason: onlineReason(mode), mode, latencyMs: undefined },
    [{ type: 'up' }],
  )
}

function onlineReason(mode: Mode): string {
  return mode === 'full' ? 'Connected' : strings.connectedToBase
}

function closed(
  before: ConnectionMachine,
  code: number,
  said: string,
  env: ConnectionEnvironment,
): ConnectionStep {
  const { action, attempts, minDelayMs = 0, ...entry } = closeCode(code)
  const count = before.streak.code === code ? before.streak.count + 1 : 1
  const c = { ...before, streak: { code, count } }
  const isUnreachable = code === 1006 && !before.isGreeted
  const reason = isUnreachable ? env.unreachable(said) : said || entry.reason
  if (action === 'retry_new_token' && !env.hasToken) return fail(c, code, strings.noToken)
  // Advice that this refusal came with: how long a ban lasts.
  const retryAfterMs = code === 4504 && before.notBefore > env.now ? before.notBefore - env.now : undefined
  if (action === 'stop' || (attempts && count >= attempts)) return fail(c, code, said, retryAfterMs)
  if (action === 'wait')
    return to({ ...c, onlineSince: undefined }, { state: 'waiting', reason: strings.waitsForPage })
  if (action === 'retry') return retry(c, reason, env, minDelayMs)
  // Without a getter, the same token would be refused for ever.
  if (!env.hasTokenGetter) return fail(c, code, said)
  if (action === 'refresh') return retry({ ...c, tokenReason: 'expired' }, reason, env)
  if (c.refusedToken !== undefined) return fail(c, code, said)
  return retry({ ...c, tokenReason: 'invalid', refusedToken: c.token ?? '' }, reason, env)
}

const ERROR_OF_CLOSE: Readonly<Record<number, string>> = {
  4004: 'token_expired',
  4008: 'auth_timeout',
  4500: 'invalid_token',
  4503: 'unsupported_version',
  4504: 'banned',
}

function fail(c: ConnectionMachine, code: number, said: string, retryAfterMs?: number): ConnectionStep {
  const reason = said || closeCode(code).reason
  const error = new RoomfulError(ERROR_OF_CLOSE[code] ?? 'forbidden', { message: reason, retryAfterMs })
  return to(c, { state: 'failed', reason, code, error })
}

function retry(
  before: ConnectionMachine,
  reason: string,
  env: ConnectionEnvironment,
  minDelayMs = 0,
): ConnectionStep {
  const lasted = before.onlineSince !== undefined && env.now - before.onlineSince >= LASTING_MS
  const failures = lasted ? 0 : before.failures
  const c = { ...before, failures: failures + 1, onlineSince: undefined }
  const advised = Math.max(minDelayMs, before.notBefore - env.now, 0)
  const advisedC = { ...c, notBefore: env.now + advised }
  if (env.isOffline) return offline(advisedC, c.isGreeted ? strings.offline : reason, env)
  const inMs = advised + backoffMs(failures, env.random, env.backoff)
  return wait(advisedC, 'backoff', reason, inMs, env)
}

/**
 * A hint, not a proof: a server on the same machine is reachable without a network, and then no `online` event ever
 * comes.
 */
function offline(c: ConnectionMachine, reason: string, env: ConnectionEnvironment): ConnectionStep {
  const slowly = env.backoff.maxMs * (0.5 + env.random / 2)
  return wait(c, 'offline', reason, Math.round(Math.max(c.notBefore - env.now, slowly)), env)
}

function wait(
  c: ConnectionMachine,
  state: 'backoff' | 'offline',
  reason: string,
  inMs: number,
  env: ConnectionEnvironment,
): ConnectionStep {
  return to(c, { state, reason, inMs, nextAttemptAt: env.wallTime + inMs }, [], inMs)
}

function timeOut(c: ConnectionMachine, env: ConnectionEnvironment): ConnectionStep {
  switch (c.status.state) {
    case 'token':
      return retry(c, strings.tokenLate, env)
    case 'dialing':
      return hangUp(retry(c, c.isGreeted ? strings.dialLate : env.unreachable(''), env), 1000, 'Timed out')
    case 'authenticating':
      return hangUp(retry(c, strings.authLate, env), 4008, 'Timed out')
    case 'backoff':
    case 'offline':
      return begin(c, 'reconnect', env)
    case 'online':
    case 'degraded':
      // Not 1000, which would mean that the user leaves.
      return hangUp(begin({ ...c, failures: 0 }, strings.restarting, env), 4000, 'Moving on')
    default:
      return stay(c)
  }
}

function network(
  c: ConnectionMachine,
  signal: 'online' | 'offline' | 'visible',
  env: ConnectionEnvironment,
): ConnectionStep {
  const { state } = c.status
  if (signal === 'offline') {
    return state === 'backoff' || state === 'token' ? offline(c, strings.offline, env) : stay(c)
  }
  // Not earlier: another connection is using the place, and would be pushed out in turn.
  if (state === 'waiting') return signal === 'visible' ? begin(c, signal, env) : stay(c)
  const mayTry = (state === 'backoff' || state === 'offline') && env.now >= c.notBefore
  return mayTry ? begin(c, signal, env) : stay(c)
}
