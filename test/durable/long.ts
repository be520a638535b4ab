import { writeResult } from '../support/results.js'
import { type KillsResult, killServer } from './kills.js'

/**
 * Measures a server on SQLite that is killed; run by `npm run test:durable`. All clients live in this process. It must not
 * become the bottleneck, so nothing else should run on the machine, which needs two cores.
 */
const KILLS = Number(process.env.DURABLE_KILLS ?? 50)
const KILLS_A_ROUND = 5
const LOAD = { clients: 50, rooms: 10, messagesPerSecond: 500, restMs: 12_000 }

/** Each round has new clients: recording everything that the same ones saw would become the bottleneck. */
const rounds: KillsResult[] = []
for (let left = KILLS; left > 0; left -= KILLS_A_ROUND) {
  rounds.push(await killServer({ ...LOAD, kills: Math.min(left, KILLS_A_ROUND) }))
  console.log(`${left} kills to go: ${rounds.at(-1)?.violations.length} violations`)
}

const sum = (figure: (round: KillsResult) => number) =>
  rounds.reduce((total, round) => total + figure(round), 0)
const quantiles = (times: readonly number[]) => {
  const sorted = times.toSorted((a, b) => a - b)
  return [0.5, 0.99, 1]
    .map((share) => `${((sorted[Math.ceil(sorted.length * share) - 1] ?? 0) / 1_000).toFixed(2)} s`)
    .join(', ')
}

const violations = rounds.flatMap((round) => round.violations)
const unrecovered = sum((round) => round.unrecovered) + sum((round) => round.breaks)
writeResult('durable', 'A server on SQLite that is killed', 'npm run test:durable', [
  ['kill -9 of the only server under 500 messages/s of 50 clients, times', KILLS],
  ['– messages acknowledged', sum((round) => round.acked)],
  ['– entries that applications saw', sum((round) => round.seen)],
  ['– acknowledged messages lost, duplicated or reordered, holes and other violations', violations.length],
  ['– clients that came back, summed over the kills', sum((round) => round.liveMs.length)],
  ['– of these not recovered, and breaks that applications were told of', unrecovered],
  [
    '– from the kill until the server listened again: median, p99, longest',
    quantiles(rounds.flatMap((round) => round.downMs)),
  ],
  [
    '– from the kill until a client was live in its room again: median, p99, longest',
    quantiles(rounds.flatMap((round) => round.liveMs)),
  ],
])
if (violations.length > 0) console.error(violations.slice(0, 50).join('\n'))
process.exit(violations.length + unrecovered > 0 ? 1 : 0)
