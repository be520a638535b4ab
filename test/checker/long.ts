import { type Figure, writeResult } from '../support/results.js'
import { type Recorded, record } from './record.js'
import type { SubjectName } from './subjects.js'

/** Long histories of real servers, checked; run by `npm run test:checker`. */
const DURATION_MS = Number(process.env.CHECKER_MS ?? 60_000)
const LOAD = {
  clients: 40,
  streams: 16,
  publishers: 8,
  rooms: 8,
  messagesPerSecond: 500,
  cutEveryMs: 100,
  killEveryMs: 5_000,
}
const TITLES: Partial<Record<SubjectName, string>> = {
  memory: 'one server in memory',
  sqlite: 'one server on SQLite, killed by kill -9 every 5 s',
  redis: 'two servers on Redis (appendfsync always), one of them killed by kill -9 every 5 s',
}

const figures: Figure[] = []
const wrong: string[] = []
for (const [index, [name, title]] of Object.entries(TITLES).entries()) {
  const result = await record(name as SubjectName, { ...LOAD, durationMs: DURATION_MS, seed: index + 1 })
  figures.push(...figuresOf(title, result))
  wrong.push(...result.violations.map(({ kind, what }) => `${name}: ${kind}: ${what}`), ...result.complaints)
}
writeResult('checker', 'What clients saw of real servers, checked', 'npm run test:checker', figures)
if (wrong.length > 0) console.error(wrong.slice(0, 50).join('\n'))
process.exitCode = wrong.length > 0 ? 1 : 0

function figuresOf(title: string, result: Recorded): Figure[] {
  const { events, acked, ackedByHttp, repeats, shown, streamed, streams, resumed, pages, cuts, kills } =
    result
  const { violations, complaints } = result
  return [
    [
      `${title}: what ${LOAD.clients} clients at WebSockets, ${LOAD.streams} readers of Server-Sent Events and ${LOAD.publishers} publishers by HTTP sent and saw`,
      events,
    ],
    ['– messages acknowledged, and by HTTP of these', `${acked}, ${ackedByHttp}`],
    ['– of these sent again, and known', repeats],
    [
      '– entries that readers were shown, by Server-Sent Events of these, and pages of history',
      `${shown}, ${streamed}, ${pages}`,
    ],
    ['– streams begun, and how often they were resumed', `${streams}, ${resumed}`],
    ['– connections cut, and servers killed', `${cuts}, ${kills}`],
    [
      '– lost, duplicate or inconsistent entries, holes, reads and offsets out of order',
      violations.length + complaints.length,
    ],
  ]
}
