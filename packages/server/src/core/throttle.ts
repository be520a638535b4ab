import { take, waitFor } from './rate-limit.js'
import type { Session } from './session.js'

export type Verdict =
  | { readonly ok: true }
  /** `isLast` if this was one burst too many. */
  | { readonly ok: false; readonly retryAfterMs: number; readonly isLast: boolean }

export interface Charged {
  readonly type: string | undefined
  readonly bytes: number
  readonly roomId: string | undefined
  /** Offset of the cursor that a join resumes from. */
  readonly since: number | undefined
}

const PASSED: Verdict = { ok: true }

/** Charges a message to its connection and its user, or tells how long to wait. */
export function charge(
  session: Session<{ readonly id: string }>,
  message: Charged,
  now: number,
  strikesPerMinute: number,
): Verdict {
  const { rates, budget, userBudget } = session
  if (continuesPaging(session, message)) return PASSED
  const own =
    message.type === 'join' ? session.joins : message.type === 'history' ? session.history : undefined
  const ownRate = message.type === 'join' ? rates.joins : rates.history
  const budgets = userBudget ? [budget, userBudget] : [budget]
  let wait = own ? waitFor(own, ownRate, now) : 0
  for (const each of budgets) {
    if (!own) wait = Math.max(wait, waitFor(each.messages, rates.messages, now))
    wait = Math.max(wait, waitFor(each.bytes, rates.bytes, now, message.bytes))
  }
  if (wait > 0) return { ok: false, retryAfterMs: wait, isLast: session.strikes.add(now, strikesPerMinute) }
  if (own) take(own, ownRate)
  for (const each of budgets) {
    if (!own) take(each.messages, rates.messages)
    take(each.bytes, rates.bytes, message.bytes)
  }
  return PASSED
}

/** Only a join that goes on where the last page ended: the same page, asked for again and again, would be free. */
function continuesPaging(
  session: Session<{ readonly id: string }>,
  { type, roomId, since }: Charged,
): boolean {
  const reached = type === 'join' && roomId !== undefined ? session.pagedTo(roomId) : undefined
  return reached !== undefined && since !== undefined && since >= reached
}
