import { paid, waitFor } from '../../util/rate-limit.js'
import type { Budget, Rates, Session } from '../connection/session.js'

export type Verdict =
  | { readonly ok: true }
  /** `isLast` if this was the last burst allowed. */
  | { readonly ok: false; readonly retryAfterMs: number; readonly isLast: boolean }

export interface Charged {
  readonly type: string | undefined
  readonly bytes: number
  /** The room of a join, and the offset of the cursor from which it resumes. */
  readonly roomId: string | undefined
  readonly since: number | undefined
}

const PASSED: Verdict = { ok: true }

/** Charges a message to its connection and its user, or returns how long to wait. */
export function charge(
  session: Session<{ readonly id: string }>,
  message: Charged,
  now: number,
  strikesPerMinute: number,
): Verdict {
  const { rates, budget, userBudget } = session
  const { type, bytes } = message
  if (continuesPaging(session, message)) return PASSED
  const own = ownRateOf(type)
  // Messages with a rate of their own do not count as messages.
  const messages = own ? 0 : 1
  const wait = Math.max(
    own ? waitFor(session[own], rates[own], now) : 0,
    waitForBudget(budget, rates, now, messages, bytes),
    userBudget ? waitForBudget(userBudget, rates, now, messages, bytes) : 0,
  )
  if (wait > 0) return { ok: false, retryAfterMs: wait, isLast: session.strikes.add(now, strikesPerMinute) }
  if (own) session[own] = paid(session[own], rates[own], now)
  spend(budget, rates, now, messages, bytes)
  if (userBudget) spend(userBudget, rates, now, messages, bytes)
  return PASSED
}

/** The rate of a message that has one of its own. What answers with what the store has read counts as history. */
function ownRateOf(type: string | undefined): 'joins' | 'history' | undefined {
  if (type === 'join') return 'joins'
  return type === 'history' || type === 'watch_rooms' ? 'history' : undefined
}

function waitForBudget(budget: Budget, rates: Rates, now: number, messages: number, bytes: number): number {
  const forMessages = messages > 0 ? waitFor(budget.messages, rates.messages, now, messages) : 0
  return Math.max(forMessages, waitFor(budget.bytes, rates.bytes, now, bytes))
}

function spend(budget: Budget, rates: Rates, now: number, messages: number, bytes: number): void {
  budget.messages = paid(budget.messages, rates.messages, now, messages)
  budget.bytes = paid(budget.bytes, rates.bytes, now, bytes)
}

/**
 * Only for a join that continues where the last page ended. Otherwise the same page could be requested again and
 * again for free.
 */
function continuesPaging(
  session: Session<{ readonly id: string }>,
  { type, roomId, since }: Charged,
): boolean {
  const reached = type === 'join' && roomId !== undefined ? session.pagedTo(roomId) : undefined
  return reached !== undefined && since !== undefined && since >= reached
}
