import { checkClaims } from './claims.js'
import type { History, Violation } from './history.js'
import { checkLosses } from './losses.js'
import { checkOrder } from './order.js'
import { checkReads } from './reads.js'

/**
 * What is wrong with a history of logs that keep everything. It knows the wire and nothing else: no code, no store and no
 * file of the product. The history ends with somebody who pages through each room from its first entry to its last.
 */
export function check(history: History): readonly Violation[] {
  return [...checkClaims(history), ...checkReads(history), ...checkOrder(history), ...checkLosses(history)]
}
