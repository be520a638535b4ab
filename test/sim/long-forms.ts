import { runChild } from '../support/child.js'
import { type Figure, writeResult } from '../support/results.js'
import { loseAcks } from './ack-loss.js'
import { amendUnderFaults } from './amendments.js'
import type { ChurnResult } from './churn.js'
import { raceJoins } from './join-race.js'
import { compareWithModel } from './model.js'
import { countHistories } from './unread-histories.js'

/** The figures of a long run, in virtual time; run by `npm run test:long`. Each throws at the first thing that is wrong. */
const MANY = Number(process.env.LONG_MANY ?? 100_000)
const HISTORIES = Number(process.env.LONG_HISTORIES ?? 10_000)
const CYCLES = Number(process.env.LONG_CYCLES ?? 1_000_000)

const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(2)} MiB`

async function churn(): Promise<readonly Figure[]> {
  const file = new URL('churn.ts', import.meta.url)
  const result = await runChild<ChurnResult>(file, [String(CYCLES)], ['--expose-gc'])
  if (result.heapAfter > result.heapBefore * 1.05 || result.timersAfter !== result.timersBefore)
    throw new Error(`Churn leaves something behind: ${JSON.stringify(result)}`)
  return [
    ['rooms, typing and sessions that came and went', result.cycles],
    ['heap before, and after they had expired', `${mib(result.heapBefore)}, ${mib(result.heapAfter)}`],
    ['timers left of them', result.timersAfter - result.timersBefore],
  ]
}

// A property runs up to 1,000 operations, some of which fast-check leaves out.
let operations = 0
for (let seed = 1; operations < MANY; seed++) operations += await compareWithModel(20, 1_000, seed)
const losses = await loseAcks(MANY)
const joins = await raceJoins(MANY, 1)
const amended = { operations: 0, repeated: 0, compared: 0 }
for (let seed = 1; amended.operations < MANY; seed++) {
  const { operations, repeated, compared } = await amendUnderFaults(1_000, seed)
  amended.operations += operations
  amended.repeated += repeated
  amended.compared += compared
}
let counted = 0
for (let seed = 1; seed <= HISTORIES / 1_000; seed++) counted += await countHistories(1_000, seed)
writeResult('delivery', 'Delivery in numbers', 'npm run test:long', [
  ['operations compared with a model', operations],
  ['divergences', 0],
  ['messages whose acknowledgement was lost, and that were sent again', MANY],
  ['times that it was lost', losses],
  ['duplicates', 0],
  ['joins while messages were published, over a store that takes its time', joins],
  ['gaps or overlaps between history and live', 0],
  ['messages, edits, deletions and reactions on connections that break', amended.operations],
  ['of these, sent again because a connection broke', amended.repeated],
  ['states in pages and resumes that were compared with the log', amended.compared],
  ['states that never were', 0],
  ['histories of a room with two devices of a user, at the end of which unread was counted again', HISTORIES],
  ['operations in them', counted],
  ['wrong counts', 0],
  ...(await churn()),
])
