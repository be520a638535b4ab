import { checkClaims } from './claims.js'
import type { History, Violation } from './history.js'
import { checkLosses } from './losses.js'
import { checkOrder } from './order.js'
import { checkReads } from './reads.js'

/**
 * Finds what is wrong with a history of logs that keep everything. It knows only the wire, and uses no code of the
 * product. At the end of the history, a client pages through each room from its first entry to its last.
 */
export function check(history: History): readonly Violation[] {
  return [...checkClaims(history), ...checkReads(history), ...checkOrder(history), ...checkLosses(history)]
}
