import { writeResult } from '../support/results.js'
import { failOver, fool } from './failover.js'
import { type KillsResult, killNodes } from './kills.js'
import { loseAcks } from './lost-acks.js'
import { losePublications } from './lost-publications.js'
import { watchPresence } from './presence.js'
import { raceJoins } from './racing-joins.js'
import { restartRedis } from './redis-restart.js'
import { restartInTurn } from './rolling-restart.js'

/**
 * The figures of nodes and Redis processes that are killed; run by `npm run test:chaos`. All clients live in this process,
 * which must not become what is slow: it wants a machine of two cores to itself.
 */
const KILLS = Number(process.env.CHAOS_KILLS ?? 20)
const KILLS_A_ROUND = 5
const MESSAGES = Number(process.env.CHAOS_MESSAGES ?? 100_000)
const JOINS = Number(process.env.CHAOS_JOINS ?? 100_000)

const seconds = (ms: number) => `${(ms / 1_000).toFixed(2)} s`
const crowd = { clients: 60, rooms: 6, messagesPerSecond: 200 }

async function told<T>(what: string, run: () => Promise<T>): Promise<T> {
  const startedAt = performance.now()
  const result = await run()
  console.log(`${what}: ${seconds(performance.now() - startedAt)}`)
  return result
}

/** Each round with clients of its own, or the memory of what all of them saw becomes what is slow. */
const killed: KillsResult[] = []
for (let left = KILLS; left > 0; left -= KILLS_A_ROUND) {
  const kills = Math.min(left, KILLS_A_ROUND)
  const load = { clients: 200, rooms: 40, messagesPerSecond: 500, restMs: 12_000 }
  killed.push(await told(`${kills} kills`, () => killNodes({ kills, ...load })))
}
const resumeMs = killed.flatMap((round) => round.resumeMs).sort((a, b) => a - b)
const resumeOf = (share: number) => resumeMs[Math.ceil(resumeMs.length * share) - 1] ?? 0
const sum = (figure: (round: KillsResult) => number) =>
  killed.reduce((total, round) => total + figure(round), 0)

const rolling = await told('rolling restart', () =>
  restartInTurn({ ...crowd, lagMs: 5_000, drainMs: 15_000 }),
)
const restarts = await told('Redis restarts', () => restartRedis({ ...crowd, times: 5, awayMs: 3_000 }))
const replicated = await told('failover, replicated', () => failOver({ ...crowd, durability: 'replicated' }))
const primary = await told('failover, primary', () => failOver({ ...crowd, durability: 'primary' }))
const fooled = await told('failover that gives offsets again', fool)
const lossy = await told('lost publications', () =>
  losePublications({ ...crowd, losses: [0.01, 0.05, 0.1], durationMs: 20_000, tails: 5 }),
)
const acks = await told('lost acks', () => loseAcks({ messages: MESSAGES, writers: 20 }))
const joins = await told('racing joins', () => raceJoins({ joins: JOINS, pairs: 16 }))
const presence = await told('presence', () =>
  watchPresence({ members: 50, leaseMs: 15_000, graceMs: 10_000, blipMs: 8_000 }),
)

const failovers = [replicated, primary, fooled]
const violations = [...killed, rolling, restarts, lossy, acks, joins, presence, ...failovers].flatMap(
  (result) => result.violations,
)
const breaks = sum((round) => round.breaks) + rolling.breaks + restarts.breaks + lossy.breaks
writeResult('chaos', 'Nodes and Redis processes that are killed', 'npm run test:chaos', [
  ['one of two nodes killed by kill -9 under 500 messages/s of 200 clients, times', KILLS],
  ['– messages acknowledged', sum((round) => round.acked)],
  ['– clients that lost their node, summed over the kills', resumeMs.length],
  [
    '– from the kill to live again: median, p99, longest',
    [0.5, 0.99, 1].map((share) => seconds(resumeOf(share))).join(', '),
  ],
  ['three nodes replaced in turn by SIGTERM (5 s, then 15 s), messages acknowledged', rolling.acked],
  ['Redis (appendfsync always) killed and restarted 5 times, messages acknowledged', restarts.acked],
  ['1, 5 and 10 % of publications dropped: how many', lossy.dropped],
  ['– of', lossy.publications],
  ['– all of them dropped: longest until everyone had the last message', seconds(lossy.tailMs)],
  ['breaks that clients of all these were told of (none was due)', breaks],
  ['replica promoted under load, replicated: messages acknowledged', replicated.acked],
  ['– of these lost', replicated.lost],
  ['replica promoted under load, primary: messages acknowledged', primary.acked],
  ['– of these lost, and shown as lost to their senders', `${primary.lost}, ${primary.shownAsLost}`],
  ['replica promoted that had not got the last 15 entries, whose offsets are given again: lost', fooled.lost],
  ['– clients, and those who were told', `${fooled.viewers}, ${fooled.told}`],
  ['– of the lost messages, shown as lost to their senders', fooled.shownAsLost],
  ['messages whose connection was cut before the ack, sent again through another node', acks.messages],
  ['– of these known to it as duplicates', acks.repeats],
  ['joins that race publishes of another node', joins.joins],
  ['– entries published meanwhile', joins.published],
  ['members of a node that was killed', presence.killed],
  ['– until the last of them had left', seconds(presence.ghostMs)],
  ['– leaves that each of two watchers was told of, per member', presence.leavesEach.join(', ')],
  ['– flickers while members moved to other nodes, and while Redis was away for 8 s', presence.flickers],
  [
    'lost, duplicated or reordered acknowledged messages, holes, untold forks and other violations',
    violations.length,
  ],
])
if (violations.length > 0) console.error(violations.slice(0, 50).join('\n'))
const isSound =
  violations.length + breaks + replicated.lost + presence.flickers + presence.ghosts === 0 &&
  fooled.told === fooled.viewers &&
  resumeOf(0.99) < 5_000 &&
  lossy.tailMs < 12_000 &&
  presence.ghostMs < 26_000
// By itself, Node may turn in circles over handles that it closes at its end.
process.exit(isSound ? 0 : 1)
