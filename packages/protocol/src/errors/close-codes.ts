import { CLOSE_REASONS } from './close-reasons.js'
import { closeReason } from './strings.js'

/** What a client does after a connection was closed with this code. */
export type CloseAction =
  /** Connect again after the usual back-off, or after `minDelayMs` if that is longer. */
  | 'retry'
  /** Fetch a fresh token, then connect again. */
  | 'refresh'
  /** Try once more if the token getter now returns a different token; otherwise stop. */
  | 'retry_new_token'
  /**
   * Connect again when somebody looks at the page or the application asks for it. Until then, another connection uses
   * the place.
   */
  | 'wait'
  /** Stop: another attempt cannot succeed. */
  | 'stop'

export interface CloseCode {
  readonly code: number
  readonly reason: string
  readonly action: CloseAction
  /** Shortest wait before the next attempt, in ms. */
  readonly minDelayMs?: number
  /** How many attempts in a row may end with this code before the client stops. */
  readonly attempts?: number
}

type CloseRule = Omit<CloseCode, 'code' | 'reason'>

const STOP: CloseRule = { action: 'stop' }
const LATER: CloseRule = { action: 'retry', minDelayMs: 5_000 }

/** Rules for codes whose range does not say enough. */
const RULES: Readonly<Record<number, CloseRule>> = {
  1002: STOP,
  1003: STOP,
  1007: STOP,
  1008: STOP,
  1010: STOP,
  4004: { action: 'refresh' },
  4005: LATER,
  4006: LATER,
  4008: { action: 'retry', attempts: 5 },
  4009: { action: 'wait' },
  4500: { action: 'retry_new_token' },
}

/**
 * The meaning of a close code. Unlisted codes from 4500 to 4999 stop, all others retry, so an application may add its
 * own codes on either side of 4500.
 */
export function closeCode(code: number): CloseCode {
  const action = code >= 4500 && code <= 4999 ? 'stop' : 'retry'
  return { action, ...RULES[code], code, reason: closeReason(code) }
}

export type CloseName = keyof typeof CLOSE_REASONS

/** Every close code with a meaning of its own, by name. Others follow the ranges of {@link closeCode}. */
export const CLOSE_CODES = /* @__PURE__ */ Object.fromEntries(
  /* @__PURE__ */ Object.entries(CLOSE_REASONS).map(([name, [code, reason]]) => [
    name,
    { ...closeCode(code), reason },
  ]),
) as Readonly<Record<CloseName, CloseCode>>
